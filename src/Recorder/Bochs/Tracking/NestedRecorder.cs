using Replay.Trace;

namespace Replay.Recorder.Bochs;

/// <summary>
/// The ways into a nested guest and out of it. On its way in the CPU reads the control block, on its way out it writes there: what it read and wrote
/// last tells whether it has come through.
/// </summary>
internal sealed class NestedRecorder(GuestRam ram, CaptureStream stream, AccessRecorder accesses, TracedGuest context, BochsFindings findings)
{
    /// <summary>VMCSs whose guest's CR3 the hypervisor wrote since the last exit.</summary>
    private readonly HashSet<ulong> _cr3Written = [];
    private ControlBlock _block;
    private Controls _outer;
    private ulong _enteredBy;
    private ulong _exitReason;
    private State _state;

    private enum State
    {
        /// <summary>The guest or a nested guest runs.</summary>
        Running,

        /// <summary>An instruction that enters has been seen, and nothing of what it reads.</summary>
        Entering,

        /// <summary>It has found its control block.</summary>
        ReadingControls,

        /// <summary>It has read all: what comes next is the nested guest's, or a failure.</summary>
        Read,

        /// <summary>An exit has been written.</summary>
        Leaving,
    }

    /// <summary>The CPU goes on in the hypervisor with its next instruction.</summary>
    public bool IsLeaving => _state == State.Leaving;

    /// <summary>Where the nested guest stood at the exit.</summary>
    public ulong InterruptedRip => _block.GuestRip;

    public ControlBlock Block => _block;

    /// <summary>VMLAUNCH, VMRESUME or VMRUN.</summary>
    public void Begin(bool isVmx, ulong rip)
    {
        if (context.IsNested)
            return;
        _block = new ControlBlock(ram, 0, isVmx);
        _enteredBy = rip;
        _state = State.Entering;
    }

    /// <summary>The CPU reads or writes a field of a control block; it is in memory by now.</summary>
    public void Field(in MemoryLine line)
    {
        if (line.IsWrite && !context.IsNested && _state == State.Running && ControlBlock.IsVmxCr3(line.Physical))
            _cr3Written.Add(line.Physical & ~0xfffUL);
        if (_state == State.Entering && !line.IsWrite)
        {
            _block = new ControlBlock(ram, line.Physical & ~0xfffUL, _block.IsVmx);
            _state = State.ReadingControls;
        }

        if (_state == State.ReadingControls && !line.IsWrite && line.Physical == _block.GuestRipAt)
            _state = State.Read;
        if (line.IsWrite && line.Physical == _block.ExitReasonAt && (context.IsNested || _state is State.Read or State.ReadingControls))
            Exit(line.Value);
    }

    /// <summary>Something that is no field of a control block follows: if the CPU has read all, the nested guest did it.</summary>
    public void Other()
    {
        if (_state == State.Read)
            Enter();
    }

    /// <summary>The next instruction: the nested guest's where one was entered.</summary>
    public void Settle()
    {
        Other();
        if (_state is State.Entering or State.ReadingControls)
            _state = State.Running;
    }

    /// <summary>The hypervisor goes on.</summary>
    /// <param name="rip">With this instruction.</param>
    public void Leave(ulong rip)
    {
        _state = State.Running;
        context.IsNested = false;
        context.Second = null;
        context.Controls = _block.Host(_outer);
        context.Cpl = 0;
        accesses.Forget();
        accesses.Find(rip);
        var exit = _block.ReadExit(context.Controls, out var code);
        stream.Add(new TraceEvent { Ordinal = 0, Kind = TraceEventKind.NestedExit, Value = code, Rip = rip, Detail = EventDetail.Write(exit) });
        accesses.Forget();
    }

    private void Exit(ulong reason)
    {
        _exitReason = reason;
        if (!context.IsNested && _block.IsFailedEntry(_exitReason))
        {
            _state = State.Running;
            return;
        }

        if (!context.IsNested)
            Enter();
        _state = State.Leaving;
    }

    private void Enter()
    {
        var entry = _block.ReadEntry(context.Cr2, _cr3Written.Remove(_block.Gpa));
        _outer = context.Controls;
        _state = State.Running;
        findings.NestedEntries++;
        context.IsNested = true;
        context.Second = entry.NestedPaging ? new OuterTables(_block.IsVmx, entry.NestedCr3, _outer) : null;
        context.Controls = new Controls(entry.Cr0, entry.Cr3, entry.Cr4, entry.Efer);
        context.Cpl = entry.Cpl;
        accesses.Forget();
        accesses.Find(entry.Rip);
        stream.Add(new TraceEvent { Ordinal = 0, Kind = TraceEventKind.NestedEnter, Gpa = _block.Gpa, Rip = _enteredBy, Detail = EventDetail.Write(entry) });
        accesses.Forget();
    }
}
