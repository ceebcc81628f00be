using Replay.Replayer.History;
using Replay.Trace;

namespace Replay.Replayer.Kvm.Exits;

/// <summary>Does what the faulting instruction does to memory, as far as it concerns the MMU. The rest of the instruction is in the capture.</summary>
/// <remarks>KVM: x86_emulate_instruction().</remarks>
internal sealed class Emulator(KvmVcpu vcpu)
{
    private readonly KvmVm _vm = vcpu.Vm;

    /// <summary>The access ends at a device.</summary>
    public ExitResult EmulateMmio(in VmExit exit)
    {
        using var scope = _vm.Journal.Enter(KvmFunction.X86EmulateInstruction);
        _ = exit;
        return ExitResult.Emulated;
    }

    /// <summary>The MMU could not let the CPU do it.</summary>
    /// <param name="address">The faulting address: with direct roots the gpa of the access.</param>
    /// <param name="exit">The access.</param>
    /// <param name="writesOwnTable">The instruction writes a table that translates its own write.</param>
    public ExitResult EmulateFaultingInstruction(ulong address, in VmExit exit, bool writesOwnTable)
    {
        using var scope = _vm.Journal.Enter(KvmFunction.X86EmulateInstruction);
        _ = writesOwnTable;
        if (exit.Access == AccessKind.Write && _vm.Memslots.Find(address >> 12) is { ReadOnly: false, IsInvalid: false } slot)
        {
            slot.MarkDirty(address >> 12);
            if (exit.Value is { } value)
                _vm.GuestMemory.Store(address, value, exit.Size);
        }

        return ExitResult.Emulated;
    }
}
