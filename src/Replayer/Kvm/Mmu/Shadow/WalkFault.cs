namespace Replay.Replayer.Kvm.Mmu.Shadow;

/// <summary>How a walk of KVM's through a guest's tables failed.</summary>
/// <param name="Address">The address that has no translation: of a nested guest's, its guest-physical one if <paramref name="IsNested"/>.</param>
/// <param name="ErrorCode">The guest's error code.</param>
/// <param name="IsNested">The tables that failed are those that a hypervisor made for its guest: the fault is the hypervisor's.</param>
/// <remarks>KVM: struct x86_exception.</remarks>
internal readonly record struct WalkFault(ulong Address, uint ErrorCode, bool IsNested);
