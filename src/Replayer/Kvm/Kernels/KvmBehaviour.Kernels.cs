using Replay.Replayer.History;

namespace Replay.Replayer.Kvm;

/// <summary>The kernels that are modelled.</summary>
public sealed partial record KvmBehaviour
{
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
    public static IReadOnlyList<KvmBehaviour> All { get; } = [Linux61, Linux612];

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
