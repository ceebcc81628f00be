using Replay.Trace;

namespace Replay.Recorder.Synthetic.Machine;

/// <summary>How the CPU enters a handler and leaves it: gate, descriptor and stack reads, the frame it pushes and pops.</summary>
internal sealed class ExceptionDelivery
{
    private const int PageFaultVector = 14;
    private const ulong KernelCodeSelector = 0x10;

    private readonly GuestMachine _machine;

    public ExceptionDelivery(GuestMachine machine) => _machine = machine;

    /// <summary>Delivers the #PF that the last access of the vCPU met.</summary>
    public InterruptedProgram DeliverPageFault(Vcpu vcpu)
    {
        _machine.Host(new TraceEvent
        {
            Ordinal = 0,
            Kind = TraceEventKind.GuestPageFault,
            Vcpu = vcpu.Index,
            Access = vcpu.FaultKind,
            Flags = vcpu.Privilege,
            Gva = vcpu.Cr2,
            ErrorCode = (uint)vcpu.FaultError,
            Rip = vcpu.Rip,
        });
        return Enter(vcpu, PageFaultVector, pushesError: true);
    }

    public InterruptedProgram DeliverInterrupt(Vcpu vcpu, int vector)
    {
        _machine.Host(new TraceEvent
        {
            Ordinal = 0,
            Kind = TraceEventKind.Delivery,
            Vcpu = vcpu.Index,
            Value = (ulong)vector,
            Rip = vcpu.Rip,
        });
        return Enter(vcpu, vector, pushesError: false);
    }

    /// <summary>IRET: reads the frame back; the next instruction is the program's.</summary>
    public void Return(Vcpu vcpu, InterruptedProgram program)
    {
        var word = WordBytes(vcpu);
        _machine.Access(vcpu, AccessKind.Read, program.Frame, program.FrameWords * word);
        vcpu.Stack = program.Stack;
        vcpu.Cpl = program.Cpl;
        vcpu.AlignmentCheck = program.AlignmentCheck;
        vcpu.Rip = program.Rip;
    }

    private static int WordBytes(Vcpu vcpu) => vcpu.Format.IsLong ? 8 : 4;

    private InterruptedProgram Enter(Vcpu vcpu, int vector, bool pushesError)
    {
        var isLong = vcpu.Format.IsLong;
        var gateBytes = isLong ? 16 : 8;
        var changesStack = vcpu.Cpl == 3;
        _machine.ImplicitAccess(vcpu, AccessKind.Read, vcpu.IdtBase + (ulong)(vector * gateBytes), gateBytes);
        _machine.ImplicitAccess(vcpu, AccessKind.Read, vcpu.GdtBase + KernelCodeSelector, 8);
        if (changesStack)
            _machine.ImplicitAccess(vcpu, AccessKind.Read, vcpu.TssBase + 4, 8);

        // SS and the stack pointer are pushed on a change of stack, in long mode always; then flags, CS, the instruction, the error.
        var returnWords = changesStack || isLong ? 5 : 3;
        var words = returnWords + (pushesError ? 1 : 0);
        var top = changesStack ? vcpu.KernelStack : vcpu.Stack & ~15UL;
        var bottom = top - (ulong)(words * WordBytes(vcpu));
        _machine.ImplicitAccess(vcpu, AccessKind.Write, bottom, words * WordBytes(vcpu));

        var frame = top - (ulong)(returnWords * WordBytes(vcpu));
        var program = new InterruptedProgram(vcpu.Rip, vcpu.Cpl, vcpu.AlignmentCheck, vcpu.Stack, frame, returnWords);
        vcpu.Stack = bottom;
        vcpu.Cpl = 0;
        vcpu.AlignmentCheck = false;
        return program;
    }
}

/// <summary>What a handler returns to.</summary>
/// <param name="Rip">The instruction that was interrupted or faulted.</param>
/// <param name="Cpl">Its privilege level.</param>
/// <param name="AlignmentCheck">Its EFLAGS.AC.</param>
/// <param name="Stack">Its stack pointer.</param>
/// <param name="Frame">Where IRET finds its frame.</param>
/// <param name="FrameWords">Words IRET pops.</param>
internal readonly record struct InterruptedProgram(ulong Rip, int Cpl, bool AlignmentCheck, ulong Stack, ulong Frame, int FrameWords);
