namespace Replay.Replayer.Kvm.Mmu;

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
