using Replay.Replayer.History;

namespace Replay.Replayer.Kvm;

/// <summary>The kernels that are modelled.</summary>
public sealed partial record KvmBehaviour
{
    /// <summary>Linux 3.6, whose EPT is that of the first years: no machine has it any more to compare with.</summary>
    public static KvmBehaviour Linux36 { get; } = new()
    {
        Name = "3.6",
        Release = "3.6.0",
        Modes = [MmuMode.Ept],
        Renamed = new()
        {
            [KvmFunction.KvmTdpPageFault] = KvmFunction.TdpPageFault,
            [KvmFunction.DirectMap] = KvmFunction.DirectMapAtLevel,
            [KvmFunction.KvmMmuGetShadowPage] = KvmFunction.KvmMmuGetPage,
            [KvmFunction.KvmMmuPrepareZapPage] = KvmFunction.KvmMmuPrepareZap,
            [KvmFunction.KvmMmuFreeRoots] = KvmFunction.MmuFreeRoots,
            [KvmFunction.KvmMmuNewPgd] = KvmFunction.NonpagingNewCr3,
            [KvmFunction.KvmMmuLoadPgd] = KvmFunction.VmxSetCr3,
            [KvmFunction.HandleMmioPageFault] = KvmFunction.HandleMmioPageFaultCommon,
            [KvmFunction.HandleWrmsr] = KvmFunction.HandleVmxWrmsr,
            [KvmFunction.KvmFaultinPfn] = KvmFunction.TryAsyncPf,
            [KvmFunction.MakeMmuPagesAvailable] = KvmFunction.KvmMmuFreeSomePages,
            [KvmFunction.KvmGetDirtyLogProtect] = KvmFunction.KvmVmIoctlGetDirtyLog,
            [KvmFunction.RmapWriteProtect] = KvmFunction.RmapWriteProtectAtLevel,
            [KvmFunction.KvmArchFlushShadowAll] = KvmFunction.KvmArchFlushShadow,
            [KvmFunction.KvmFlushRemoteTlbsWithAddress] = KvmFunction.KvmFlushRemoteTlbs,
            // What its callers do themselves.
            [KvmFunction.MmuAllocRoot] = KvmFunction.None,
            [KvmFunction.MmuFreeRootPage] = KvmFunction.None,
            [KvmFunction.KvmArchMmuEnableLogDirtyPtMasked] = KvmFunction.None,
        },
        RetPfOrder = [],
        Foreign =
        [
            nameof(FrozenSpte), nameof(EptSuppressesVe), nameof(RetPfOrder), nameof(WriteProtectedIsAnOutcome), nameof(UnprotectsOnEventDelivery),
            nameof(FaultErrorCodeMask), nameof(TellsWalkOnlyForGva), nameof(LooksForStaleFaultFirst), nameof(FaultinLooksForInvalidation),
            nameof(TdpMmuFaultsApart), nameof(ShadowedTranslationMaxLevel), nameof(PteListsGrowAtHead), nameof(SyncsEntryByEntry), nameof(SplitsSelfMaps),
            nameof(ClearsFloodBelowGuestLeaf), nameof(UsesDummyRoot), nameof(WalksPrivateSlots), nameof(RangeFlushIsACall), nameof(ZapsOrphanedRoots), nameof(FlushesWhatTheEntryMaps),
            nameof(AgesRmapsInOneFunction), nameof(CpuidMarksRolesInvalid), nameof(ClearsQualificationOfMisconfiguration), nameof(TagsNxSplits),
            nameof(KeepsLoggedNxSplits), nameof(ClearSplitsLastPage), nameof(RootZapLevels), nameof(InvalidRootsOweFlush), nameof(ProtectsInInvalidRoots),
            nameof(SplitsHugePagesOnFault), nameof(ShowsAtomicZapAtItsEnd), nameof(ClearsBitsInPlace), nameof(StoringMarksDirty), nameof(TdpMmuRootsApart),
            nameof(IgnoresWpWithoutPaging), nameof(SettingRegistersFlushes),
        ],
        HasPresentBit = false,
        MmioEntriesHaveGeneration = false,
        TakesZeroPageForMemory = false,
        FaultsHavePhases = false,
        TellsReadsAndFetches = false,
        MisconfigurationsAreFaults = false,
        PrefetchesToTheEnd = false,
        SetsDirtyBits = false,
        ZapsByGeneration = false,
        ZappedRootsStayActive = true,
        RecyclesInBatches = false,
        KeepsPreviousRoots = false,
        TdpRolesHaveRegisters = false,
        HasFiveLevels = false,
        HasRangeFlushes = false,
        HasReadOnlySlots = false,
        UnrestrictedGuestsSpareSlots = false,
        ProtectsSlotsByRmaps = false,
        ProtectsHugePages = false,
        HasPml = false,
        HasManualDirtyLog = false,
        RootsFollowRoles = false,
        GuestOwnsCr0Wp = false,
        Cr4GuestBits = PossibleCr4GuestBits & ~0x1_0004UL,
        InterceptsCr3WithoutPaging = true,
        OfferedCr4 = 0x17_07ff,
        NestedVmxIsOn = false,
        NotifierTakesRanges = false,
        HostInvalidatesAroundCopies = false,
        HostHasHugeZeroPage = false,
    };

    /// <summary>Linux 6.1: what the properties say where nothing else is said.</summary>
    public static KvmBehaviour Linux61 { get; } = new()
    {
        Name = "6.1",
        Release = "6.1.176",
        CheckedModes = [.. MmuModes.All],
    };

    public static KvmBehaviour Linux612 { get; } = new()
    {
        Name = "6.12",
        Release = "6.12.95",
        CheckedModes = [MmuMode.Npt, MmuMode.NptTdp, MmuMode.Shadow],
        Renamed = new()
        {
            [KvmFunction.KvmTdpMmuGetVcpuRootHpa] = KvmFunction.KvmTdpMmuAllocRoot,
            [KvmFunction.KvmMmuPteWrite] = KvmFunction.KvmMmuTrackWrite,
            [KvmFunction.KvmMmuUnprotectPage] = KvmFunction.KvmMmuUnprotectGfnAndRetry,
            [KvmFunction.KvmMmuInvalidateGva] = KvmFunction.KvmMmuInvalidateAddr,
            [KvmFunction.TdpMmuSetSpte] = KvmFunction.TdpMmuSetSpteHelper,
            [KvmFunction.HandleChangedSpte] = KvmFunction.HandleChangedSpteHelper,
            [KvmFunction.KvmFlushRemoteTlbsWithAddress] = KvmFunction.KvmFlushRemoteTlbsMemslot,
            [KvmFunction.KvmRecoverNxLpages] = KvmFunction.KvmRecoverNxHugePages,
        },
        EmptySpte = 1UL << 63,
        FrozenSpte = 1UL << 63 | 0x5a0,
        EptSuppressesVe = true,
        RetPfOrder = [RetPf.Continue, RetPf.Retry, RetPf.Emulate, RetPf.WriteProtected, RetPf.Invalid, RetPf.Fixed, RetPf.Spurious],
        WriteProtectedIsAnOutcome = true,
        UnprotectsOnEventDelivery = false,
        FaultErrorCodeMask = ulong.MaxValue,
        TellsWalkOnlyForGva = true,
        LooksForStaleFaultFirst = true,
        FaultinLooksForInvalidation = true,
        TdpMmuFaultsApart = true,
        ShadowedTranslationMaxLevel = Mmu.PgLevel.MaxHugePage,
        PteListsGrowAtHead = true,
        SyncsEntryByEntry = true,
        SplitsSelfMaps = false,
        ClearsFloodBelowGuestLeaf = false,
        UsesDummyRoot = true,
        WalksPrivateSlots = false,
        RangeFlushIsACall = true,
        ZapsOrphanedRoots = true,
        CpuidMarksRolesInvalid = true,
        ClearsQualificationOfMisconfiguration = true,
        FlushesWhatTheEntryMaps = true,
        AgesRmapsInOneFunction = true,
        TagsNxSplits = true,
        KeepsLoggedNxSplits = true,
        ClearSplitsLastPage = true,
        RootZapLevels = [Mmu.PgLevel.Size4K, Mmu.PgLevel.Size2M, Mmu.PgLevel.Size1G],
        InvalidRootsOweFlush = false,
        ProtectsInInvalidRoots = false,
        SplitsHugePagesOnFault = true,
        ShowsAtomicZapAtItsEnd = true,
        ClearsBitsInPlace = true,
        StoringMarksDirty = false,
        TdpMmuRootsApart = true,
        IgnoresWpWithoutPaging = true,
        SettingRegistersFlushes = true,
        HasChangePte = false,
        HasSlotZapQuirk = true,
    };

    /// <summary>All kernels, the oldest first.</summary>
    public static IReadOnlyList<KvmBehaviour> All { get; } = [Linux36, Linux61, Linux612];

    /// <summary>What a replay runs where none is named.</summary>
    public static KvmBehaviour Newest => All[^1];

    /// <summary>The kernel that a release such as 6.12.95 belongs to.</summary>
    public static KvmBehaviour? OfRelease(string release)
    {
        ArgumentNullException.ThrowIfNull(release);
        foreach (var kernel in All)
        {
            if (release == kernel.Name || (release.StartsWith(kernel.Name, StringComparison.Ordinal) && !char.IsAsciiDigit(release[kernel.Name.Length])))
                return kernel;
        }

        return null;
    }

    /// <summary>The modelled kernel that is nearest to a release, or to the first of a span such as <c>6.10 or later</c>: of two, the one that it has most in common with.</summary>
    public static KvmBehaviour NearestTo(string release)
    {
        // What was compared with no machine explains none.
        if (OfRelease(release) is { CheckedModes.Length: > 0 } kernel)
            return kernel;
        var digits = new string([.. release.SkipWhile(character => !char.IsAsciiDigit(character)).TakeWhile(character => char.IsAsciiDigit(character) || character == '.')]);
        // Entries have another form since 6.10, and tell more than what changed between 6.1 and that.
        return !release.StartsWith("before", StringComparison.Ordinal) && Version.TryParse(digits, out var version) && version >= new Version(6, 10) ? Linux612 : Linux61;
    }

    public static KvmBehaviour? Find(string name)
    {
        foreach (var kernel in All)
        {
            if (kernel.Name == name)
                return kernel;
        }

        return null;
    }
}
