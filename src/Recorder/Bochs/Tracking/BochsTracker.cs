using Replay.Trace;

namespace Replay.Recorder.Bochs;

/// <summary>
/// Makes the stream of a capture from the lines that Bochs's debugger prints: before each instruction the general registers and the instruction, behind
/// it what it touches and what comes of it. An instruction has come to its end when the next one is printed.
/// </summary>
internal sealed class BochsTracker
{
    private const ulong InterruptFlag = 1UL << 9;

    private readonly GuestRam _ram;
    private readonly CaptureStream _stream;
    private readonly TracedGuest _context;
    private readonly BochsFindings _findings;
    private readonly AccessRecorder _accesses;
    private readonly NestedRecorder _nested;
    private readonly DeliveryRecorder _deliveries;
    private readonly SpecialEffects _effects;
    private readonly RegisterText _registers = new();
    private Instruction _instruction = new();
    private Instruction _spare = new();
    private bool _hasInstruction;
    private ulong? _modified;

    public BochsTracker(GuestRam ram, CaptureStream stream, TracedGuest start, BochsFindings findings, BochsPorts ports)
    {
        _ram = ram;
        _stream = stream;
        _context = start;
        _findings = findings;
        _accesses = new AccessRecorder(ram, stream, start, findings);
        _nested = new NestedRecorder(ram, stream, _accesses, start, findings);
        _deliveries = new DeliveryRecorder(stream, _accesses, start, findings);
        _effects = new SpecialEffects(stream, _accesses, start, _nested, findings, ports);
    }

    /// <summary>What the guest wrote to the port that ends it; null as long as it has not.</summary>
    public int? ExitCode => _effects.ExitCode;

    /// <summary>The CPU waits for an interrupt, and takes none.</summary>
    public bool HasHalted { get; private set; }

    public void Take(ReadOnlySpan<byte> line)
    {
        if (line.IsEmpty || _registers.TryTake(line))
            return;
        switch (line[0])
        {
            case (byte)'[' when MemoryLine.TryParse(line, out var memory):
                Memory(memory);
                break;
            case (byte)'(' when line.IndexOf("] [0x"u8) >= 0 && _spare.Line.TryParse(line):
                Begin();
                break;
            case (byte)'(' when line.IndexOf("] ??? ("u8) >= 0:
                BeginUntold();
                break;
            case (byte)'C' when line.StartsWith("CPU "u8):
                Told(line);
                break;
        }
    }

    /// <summary>Nothing more comes: the last instruction counts as having come to its end.</summary>
    public void Finish()
    {
        if (_hasInstruction && !_deliveries.IsDelivering && !_nested.IsLeaving)
            _effects.Settle(_instruction);
        _hasInstruction = false;
    }

    /// <summary>The next instruction has been printed.</summary>
    private void Begin()
    {
        var rip = Linear(_spare.Line);
        _nested.Settle();
        Settle(rip);
        _context.Rflags = _registers.Flags;
        _context.Cpl = PrivilegeOf(_spare.Line.Selector);
        if (_context.Second is { IsEpt: false })
            Check(rip);
        _spare.Begin(rip, _registers.General, _context.Controls.IsLong);
        (_instruction, _spare) = (_spare, _instruction);
        _hasInstruction = true;
        _modified = null;
        _findings.Instructions++;
        _accesses.Fetch(rip, _instruction.Line.Physical, _instruction.Line.Length);
        if (_instruction.Decoded.Kind is SpecialInstruction.VmEntry or SpecialInstruction.Vmrun)
            _nested.Begin(_instruction.Decoded.Kind == SpecialInstruction.VmEntry, rip);
        else if (_instruction.Decoded.Kind == SpecialInstruction.Out)
            SettleAtOnce();
    }

    /// <summary>
    /// Bochs's debugger cannot find the next instruction, nor does it print the registers then: it knows nothing of nested page tables. With which one a
    /// nested guest begins its control block tells.
    /// </summary>
    private void BeginUntold()
    {
        var wasNested = _context.IsNested;
        _nested.Settle();
        Settle(0);
        _hasInstruction = false;
        _modified = null;
        _findings.Untold++;
        _instruction.Forget();
        if (!wasNested && _context.IsNested && _accesses.Find(_nested.Block.GuestRip) is { IsMapped: true } place)
            _accesses.Fetch(_nested.Block.GuestRip, place.Gpa, 1);
    }

    /// <summary>What the debugger printed of a nested guest's instruction may be other memory: it knows nothing of nested page tables.</summary>
    private void Check(ulong rip)
    {
        var gpa = _accesses.Find(rip).Gpa | (rip & 0xfff);
        if (!_spare.Line.IsAt(gpa, _ram))
            _findings.Untold++;
    }

    /// <summary>An OUT can end the machine: nothing would come behind it. Where a hypervisor intercepts it, it has none of these effects.</summary>
    private void SettleAtOnce()
    {
        if (_context.IsNested)
            return;
        _effects.Settle(_instruction);
        _hasInstruction = false;
    }

    /// <summary>The instruction before has ended; or it was interrupted, and then it has done nothing.</summary>
    private void Settle(ulong next)
    {
        if (_nested.IsLeaving)
        {
            _deliveries.Abandon();
            if (_hasInstruction && _nested.InterruptedRip != _instruction.Rip)
                _effects.Settle(_instruction);
            _nested.Leave(next);
            return;
        }

        if (_hasInstruction && _deliveries.InterruptedRip != _instruction.Rip)
            _effects.Settle(_instruction);
        _deliveries.Finish(_instruction);
    }

    private void Memory(in MemoryLine line)
    {
        switch (line.Purpose)
        {
            case MemoryPurpose.ControlBlock:
                StoreUntold(line);
                _nested.Field(line);
                return;
            case MemoryPurpose.TableEntry:
                _nested.Other();
                TableEntry(line);
                return;
            case MemoryPurpose.Plain when line.Linear is not null || _modified is not null:
                _nested.Other();
                Access(line);
                return;
            default:
                _nested.Other();
                StoreUntold(line);
                return;
        }
    }

    private void TableEntry(in MemoryLine line)
    {
        if (line.IsWrite)
        {
            _ram.Store(line.Physical, line.Data);
            return;
        }

        _accesses.CorrectTable(line.Physical, line.Data);
        _accesses.Meet(line.Physical);
    }

    /// <summary>The CPU's own writes to memory by physical address, of which KVM knows nothing.</summary>
    private void StoreUntold(in MemoryLine line)
    {
        if (line.IsWrite)
            _ram.Store(line.Physical, line.Data);
    }

    private void Access(in MemoryLine line)
    {
        if (_deliveries.IsDelivering)
        {
            _deliveries.Touch(line);
            return;
        }

        var va = line.Linear ?? _modified!.Value;
        _modified = line.IsReadForWrite ? va : null;
        if (!line.IsWrite)
            _instruction.KeepOperand(line.Data);
        var stores = _context.IsNested || !line.IsWrite ? StoreInstruction.Untold : _instruction.Stores;
        _accesses.Record(line.IsWrite ? AccessKind.Write : AccessKind.Read, va, line.Physical, line.Length, _context.FlagsAt(va), _instruction.KnownRip, line.Data, stores);
    }

    /// <summary><c>CPU 0: Exception 0x0e - (#PF) page fault occurred (error_code=0x0002)</c> and its like.</summary>
    private void Told(ReadOnlySpan<byte> line)
    {
        var text = new TextCursor(line);
        text.SkipPast(':');
        if (text.Skip(" HALTED"u8))
        {
            HasHalted = (_registers.Flags & InterruptFlag) == 0;
            return;
        }

        var isException = text.Skip(" Exception 0x"u8);
        if (!isException && !text.Skip(" Interrupt 0x"u8))
            return;
        var vector = (int)text.Hex();
        if (!isException)
        {
            _nested.Other();
            _deliveries.Begin(vector);
        }
        else if (text.SkipPast('=') && text.Skip("0x"u8))
            _deliveries.Exception(vector, (uint)text.Hex());
    }

    private int PrivilegeOf(uint selector)
    {
        const ulong virtual8086 = 1UL << 17;
        if (!_context.Controls.IsProtected)
            return 0;
        return !_context.Controls.IsLong && (_context.Rflags & virtual8086) != 0 ? 3 : (int)(selector & 3);
    }

    /// <summary>In protected mode segments are taken to begin at 0; where that cannot be, the page is still the right one by its offset.</summary>
    private ulong Linear(InstructionLine line)
    {
        var isReal = !_context.Controls.IsProtected || PrivilegeOf(line.Selector) == 3 && !_context.Controls.IsLong && (_context.Rflags & (1UL << 17)) != 0;
        var rip = isReal ? (line.Selector << 4) + line.Offset : line.Offset;
        if (((rip ^ line.Physical) & 0xfff) != 0)
            _findings.SegmentBases++;
        return rip;
    }
}
