using System.Text;

namespace Replay.Replayer.History;

/// <summary>
/// Functions of KVM that the model names as the makers of writes and as the chain that led to them. The kernel's spelling is
/// given by <see cref="KvmFunctions.KernelName"/>. Values are stored: append, never renumber.
/// </summary>
public enum KvmFunction : ushort
{
    /// <summary>No KVM function: the CPU itself.</summary>
    None = 0,

    // Exits
    HandleEptViolation = 1,
    HandleEptMisconfig = 2,
    NpfInterception = 3,
    PfInterception = 4,
    HandleException = 5,
    HandleCr = 6,
    CrInterception = 7,
    HandleInvlpg = 8,
    InvlpgInterception = 9,
    HandleInvpcid = 10,
    InvpcidInterception = 11,
    HandlePmlFull = 12,
    VcpuEnterGuest = 13,
    HandleWrmsr = 14,
    X86EmulateInstruction = 15,

    // Registers
    KvmSetCr0 = 20,
    KvmSetCr3 = 21,
    KvmSetCr4 = 22,
    SetEfer = 23,
    KvmPostSetCr0 = 24,
    KvmPostSetCr4 = 25,
    KvmInitMmu = 26,
    KvmMmuResetContext = 27,
    KvmMmuNewPgd = 28,
    FastPgdSwitch = 29,
    KvmInvalidatePcid = 30,
    LoadPdptrs = 31,

    // Roots
    KvmMmuReload = 40,
    KvmMmuLoad = 41,
    MmuAllocDirectRoots = 42,
    MmuAllocShadowRoots = 43,
    MmuAllocSpecialRoots = 44,
    MmuAllocRoot = 45,
    KvmMmuFreeRoots = 46,
    MmuFreeRootPage = 47,
    KvmMmuUnload = 48,
    KvmMmuLoadPgd = 49,
    KvmTdpMmuGetVcpuRootHpa = 50,
    KvmTdpMmuPutRoot = 51,
    KvmMmuSyncRoots = 52,
    KvmMmuSyncPrevRoots = 53,

    // Faults
    KvmMmuPageFault = 60,
    KvmHandlePageFault = 61,
    KvmTdpPageFault = 62,
    NonpagingPageFault = 63,
    Paging64PageFault = 64,
    Paging32PageFault = 65,
    DirectPageFault = 66,
    FastPageFault = 67,
    KvmFaultinPfn = 68,
    HandleAbnormalPfn = 69,
    HandleMmioPageFault = 70,
    KvmMmuHugepageAdjust = 71,
    DirectMap = 72,
    KvmTdpMmuMap = 73,
    Paging64Fetch = 74,
    Paging32Fetch = 75,
    Paging64WalkAddr = 76,
    Paging32WalkAddr = 77,
    KvmInjectEmulatedPageFault = 78,
    FastPfFixDirectSpte = 79,

    // Entries
    KvmMmuGetShadowPage = 90,
    KvmMmuGetChildSp = 91,
    LinkShadowPage = 92,
    MmuSetSpte = 93,
    MarkMmioSpte = 94,
    MmuSpteSet = 95,
    MmuSpteUpdate = 96,
    MmuSpteClearTrackBits = 97,
    MmuSpteClearNoTrack = 98,
    DropSpte = 99,
    DropLargeSpte = 100,
    DropParentPte = 101,
    MmuPageZapPte = 102,
    MmuSpteAge = 103,
    SpteWriteProtect = 104,
    SpteClearDirty = 105,
    DirectPtePrefetch = 106,
    DirectPtePrefetchMany = 107,
    Paging64PrefetchGpte = 108,
    Paging32PrefetchGpte = 109,
    PtePrefetch = 110,
    ValidateDirectSpte = 111,
    PteListAdd = 112,
    PteListRemove = 113,
    RmapAdd = 114,
    RmapRecycle = 115,
    PteListZap = 116,
    KvmZapOneRmapSpte = 117,
    KvmZapAllRmapSptes = 118,

    // Pages
    KvmMmuPrepareZapPage = 130,
    KvmMmuCommitZapPage = 131,
    MmuZapUnsyncChildren = 132,
    KvmMmuZapOldestMmuPages = 133,
    MakeMmuPagesAvailable = 134,
    AccountShadowed = 135,
    UnaccountShadowed = 136,
    KvmMmuSlotGfnWriteProtect = 137,
    RmapWriteProtect = 138,
    MmuTryToUnsyncPages = 139,
    KvmUnsyncPage = 140,
    KvmSyncPage = 141,
    Paging64SyncPage = 142,
    Paging32SyncPage = 143,
    MmuSyncChildren = 144,
    KvmMmuPteWrite = 145,
    DetectWriteFlooding = 146,
    KvmMmuUnprotectPage = 147,
    ReexecuteInstruction = 148,
    Paging64Invlpg = 149,
    Paging32Invlpg = 150,
    KvmMmuInvlpg = 151,
    KvmMmuInvalidateGva = 152,
    KvmMmuInvpcidGva = 153,

    // TDP MMU
    TdpMmuInitSp = 170,
    TdpMmuLinkSp = 171,
    TdpMmuMapHandleTargetLevel = 172,
    TdpMmuSetSpteAtomic = 173,
    TdpMmuSetSpte = 174,
    TdpMmuZapSpteAtomic = 175,
    HandleChangedSpte = 176,
    HandleRemovedPt = 177,
    TdpMmuZapRoot = 178,
    TdpMmuZapLeafs = 179,
    KvmTdpMmuZapSp = 180,
    KvmTdpMmuInvalidateAllRoots = 181,
    KvmTdpMmuZapInvalidatedRoots = 182,
    WrprotGfnRange = 183,
    ClearDirtyGfnRange = 184,
    ClearDirtyPtMasked = 185,
    TdpMmuSplitHugePage = 186,
    SetSpteGfn = 187,
    AgeGfnRange = 188,
    WriteProtectGfn = 189,
    ZapCollapsibleSpteRange = 190,
    KvmTdpMmuHandleGfn = 191,
    TdpMmuSplitHugePagesRoot = 192,

    // Host events
    KvmSetMemoryRegion = 210,
    KvmArchFlushShadowMemslot = 211,
    KvmMmuZapAllFast = 212,
    KvmZapObsoletePages = 213,
    KvmMmuInvalidateMmioSptes = 214,
    KvmUnmapGfnRange = 215,
    KvmSetSpteGfn = 216,
    KvmSetPteRmap = 217,
    KvmAgeGfn = 218,
    KvmAgeRmap = 219,
    KvmTestAgeGfn = 220,
    KvmMmuSlotApplyFlags = 221,
    KvmMmuSlotRemoveWriteAccess = 222,
    KvmMmuSlotLeafClearDirty = 223,
    KvmMmuSlotTrySplitHugePages = 224,
    ShadowMmuSplitHugePage = 225,
    KvmGetDirtyLogProtect = 226,
    KvmArchMmuEnableLogDirtyPtMasked = 227,
    KvmMmuClearDirtyPtMasked = 228,
    KvmMmuWriteProtectPtMasked = 229,
    KvmMmuZapCollapsibleSptes = 230,
    KvmMmuZapCollapsibleSpte = 231,
    VmxFlushPmlBuffer = 232,
    KvmFlushRemoteTlbs = 233,
    KvmFlushRemoteTlbsWithAddress = 234,
    KvmArchFlushShadowAll = 235,
    KvmMmuZapAll = 236,
    KvmTdpMmuZapAll = 237,
    KvmVcpuFlushTlbGuest = 238,
    KvmVcpuFlushTlbCurrent = 239,
    KvmRecoverNxLpages = 240,
    KvmClearDirtyLogProtect = 241,
    KvmMmuTrySplitHugePages = 242,

    // More exits
    MsrInterception = 250,
    SvmSetCr4 = 251,
    VmrunInterception = 252,
    InvlpgaInterception = 253,

    // Nested guests
    NestedSvmVmrun = 290,
    NestedSvmVmexit = 291,
    NestedSvmLoadCr3 = 292,
    KvmInitShadowNptMmu = 293,
    NestedSvmInjectNpfExit = 294,
    TranslateNestedGpa = 295,
    NestedSvmExitHandled = 296,
    NestedVmxEnterNonRootMode = 297,
    NestedVmxVmexit = 298,
    NestedVmxLoadCr3 = 299,
    KvmInitShadowEptMmu = 300,
    NestedEptInjectPageFault = 301,
    HandleInvept = 302,
    HandleInvvpid = 303,
    KvmMmuFreeGuestModeRoots = 304,
    EptPageFault = 305,
    EptFetch = 306,
    EptWalkAddr = 307,
    EptPrefetchGpte = 308,
    EptSyncPage = 309,
    EptSyncSpte = 310,
    EptInvlpg = 311,
    HandleVmresume = 312,
    NestedVmxReflectVmexit = 313,

    // As the first kernels with EPT have them
    TdpPageFault = 320,
    DirectMapAtLevel = 321,
    KvmMmuGetPage = 322,
    KvmMmuPrepareZap = 323,
    MmuFreeRoots = 324,
    NonpagingNewCr3 = 325,
    KvmUnmapHva = 326,
    KvmUnmapRmapp = 327,
    KvmSetSpteHva = 328,
    KvmSetPteRmapp = 329,
    KvmAgeHva = 330,
    KvmAgeRmapp = 331,
    KvmArchFlushShadow = 332,
    KvmMmuFreeSomePages = 333,
    KvmVmIoctlGetDirtyLog = 334,
    RmapWriteProtectAtLevel = 335,
    KvmArchCommitMemoryRegion = 336,
    VmxSetCr3 = 337,
    HandleMmioPageFaultCommon = 338,
    HandleVmxWrmsr = 339,
    TryAsyncPf = 340,

    // As later kernels have them
    KvmTdpMmuAllocRoot = 260,
    KvmMmuTrackWrite = 261,
    KvmMmuUnprotectGfnAndRetry = 262,
    KvmMmuInvalidateAddr = 263,
    KvmMmuInvalidateAddrOfRoot = 264,
    TdpMmuSetSpteHelper = 265,
    HandleChangedSpteHelper = 266,
    KvmRecoverNxHugePages = 268,
    KvmTdpMmuPageFault = 269,
    KvmSyncPageEntries = 270,
    Paging64SyncSpte = 271,
    Paging32SyncSpte = 272,
    KvmRmapAgeGfnRange = 273,
    KvmMmuWriteProtectFault = 274,
    KvmMmuZapMemslot = 275,
    KvmMmuZapMemslotPagesAndFlush = 276,
    KvmFlushRemoteTlbsMemslot = 277,
}

/// <summary>The kernel's spelling of each <see cref="KvmFunction"/>.</summary>
public static class KvmFunctions
{
    private static readonly string[] Names = BuildNames();

    /// <summary>The name in the kernel's sources, such as <c>__link_shadow_page</c>; <c>hardware</c> for <see cref="KvmFunction.None"/>.</summary>
    public static string KernelName(this KvmFunction function) => Names[(int)function];

    private static string[] BuildNames()
    {
        var values = Enum.GetValues<KvmFunction>();
        var names = new string[(int)values[^1] + 1];
        foreach (var value in values)
            names[(int)value] = Special(value) ?? SnakeCase(value.ToString());
        return names;
    }

    private static string? Special(KvmFunction function) => function switch
    {
        KvmFunction.None => "hardware",
        KvmFunction.HandleException => "handle_exception_nmi",
        KvmFunction.HandleWrmsr => "kvm_emulate_wrmsr",
        KvmFunction.LinkShadowPage => "__link_shadow_page",
        KvmFunction.KvmMmuGetShadowPage => "__kvm_mmu_get_shadow_page",
        KvmFunction.DirectPtePrefetch => "__direct_pte_prefetch",
        KvmFunction.KvmMmuPrepareZapPage => "__kvm_mmu_prepare_zap_page",
        KvmFunction.HandleChangedSpte => "__handle_changed_spte",
        KvmFunction.TdpMmuSetSpte => "__tdp_mmu_set_spte",
        KvmFunction.KvmMmuNewPgd => "kvm_mmu_new_pgd",
        KvmFunction.KvmTdpMmuHandleGfn => "kvm_tdp_mmu_handle_gfn",
        KvmFunction.KvmSetMemoryRegion => "__kvm_set_memory_region",
        KvmFunction.RmapAdd => "__rmap_add",
        KvmFunction.X86EmulateInstruction => "x86_emulate_instruction",
        KvmFunction.KvmMmuUnprotectGfnAndRetry => "__kvm_mmu_unprotect_gfn_and_retry",
        KvmFunction.KvmMmuInvalidateAddrOfRoot => "__kvm_mmu_invalidate_addr",
        KvmFunction.TdpMmuSetSpteHelper => "tdp_mmu_set_spte",
        KvmFunction.HandleChangedSpteHelper => "handle_changed_spte",
        KvmFunction.KvmSyncPageEntries => "__kvm_sync_page",
        KvmFunction.DirectMapAtLevel => "__direct_map",
        KvmFunction.KvmMmuPrepareZap => "kvm_mmu_prepare_zap_page",
        KvmFunction.KvmMmuFreeSomePages => "__kvm_mmu_free_some_pages",
        KvmFunction.RmapWriteProtectAtLevel => "__rmap_write_protect",
        KvmFunction.HandleVmxWrmsr => "handle_wrmsr",
        _ => null,
    };

    private static string SnakeCase(string pascal)
    {
        var text = new StringBuilder(pascal.Length + 8);
        foreach (var c in pascal)
        {
            if (char.IsUpper(c) && text.Length > 0)
                text.Append('_');
            text.Append(char.ToLowerInvariant(c));
        }

        return text.ToString();
    }
}
