namespace Replay.Replayer.Kvm.Mmu;

/// <summary>A root that a vCPU uses or keeps for later.</summary>
/// <param name="Table">The root page, a special root among them; null while there is none.</param>
/// <param name="Pgd">The guest's CR3 it belongs to; 0 for direct roots.</param>
/// <remarks>KVM: struct kvm_mmu_root_info.</remarks>
public readonly record struct MmuRoot(TablePage? Table, ulong Pgd)
{
    /// <summary>No root yet.</summary>
    /// <remarks>KVM: KVM_MMU_ROOT_INFO_INVALID.</remarks>
    public static MmuRoot Invalid { get; } = new(null, ulong.MaxValue);

    public bool IsValid => Table is not null;

    /// <summary>The root as a shadow page; null for special roots.</summary>
    public ShadowPage? ShadowPage => Table as ShadowPage;
}

/// <summary>Some of a vCPU's roots.</summary>
/// <remarks>KVM: KVM_MMU_ROOT_CURRENT, KVM_MMU_ROOT_PREVIOUS(), KVM_MMU_ROOTS_ALL.</remarks>
[Flags]
internal enum MmuRootSet : byte
{
    None = 0,
    Current = 1,
    Previous0 = 2,
    Previous1 = 4,
    Previous2 = 8,
    All = Current | Previous0 | Previous1 | Previous2,
}
