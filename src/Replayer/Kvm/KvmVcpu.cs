using Replay.Replayer.Guest;
using Replay.Replayer.Kvm.Mmu;

namespace Replay.Replayer.Kvm;

/// <summary>One virtual CPU.</summary>
/// <remarks>KVM: struct kvm_vcpu.</remarks>
public sealed class KvmVcpu
{
    internal KvmVcpu(KvmVm vm, int id, ControlRegisters registers)
    {
        Vm = vm;
        Id = id;
        Registers = registers;
    }

    public KvmVm Vm { get; }

    public int Id { get; }

    /// <summary>
    /// The guest's registers, shared with the CPU model. Writes that exit are made by KVM while it handles the exit; the others by the CPU.
    /// </summary>
    public ControlRegisters Registers { get; }

    /// <summary>arch.mmu, arch.root_mmu and arch.walk_mmu: one and the same while no guest is nested.</summary>
    public KvmMmu Mmu { get; } = new();

    /// <summary>The fault being handled.</summary>
    public PageFault Fault { get; } = new();

    public VcpuRequests Requests { get; internal set; }

    /// <summary>See <see cref="Hardware.IHypervisor.FlushEpoch"/>.</summary>
    public long FlushEpoch { get; internal set; }
}
