using Replay.Replayer.Hardware;
using Replay.Replayer.History;
using Replay.Replayer.Kvm;
using Replay.Replayer.Kvm.Host;
using Replay.Replayer.SavedState;
using Replay.Trace;

namespace Replay.Replayer.Session;

/// <summary>Replays the events of a capture, each in the room that it belongs to. The journal stands at the event.</summary>
internal sealed class EventReplay(Machine machine, MutableHistory history, HostScriptReplay? script)
{
    private readonly Journal _journal = machine.Journal;
    private readonly HostEvents _host = machine.Vm.HostEvents;
    private readonly NestedReplay _nested = new(machine);
    private readonly OfferedFeatures _offered = new(machine.Vm);
    private TraceEvent? _emulatedRead;

    /// <summary>What the capture has of nested guests.</summary>
    public NestedFigures Nested { get; } = new();

    [field: NotState("whoever looks at markers sets it")]
    public Action<byte>? Marker { get; set; }

    /// <param name="rows">Events of the stream.</param>
    /// <param name="index">The one to replay.</param>
    public void Replay(List<TraceEvent> rows, int index)
    {
        var row = rows[index];
        EventRules.Check(row);
        if (row.Kind == TraceEventKind.NestedEnter || Nested.Entries > 0)
            Nested.Count(row);
        if (_nested.TryReplay(rows, index) || _nested.IsHalfDone(rows, index))
            return;
        var inL2 = machine.Cpu(row.Vcpu).Nested.IsRunning;
        if (!TryReplayAccess(row) && !TryReplayInstruction(row) && !TryReplayHost(row))
            ReplayRest(row);
        if (row.Kind is TraceEventKind.VcpuState or (>= TraceEventKind.Cr0Write and <= TraceEventKind.EferWrite))
            machine.Vcpu(row.Vcpu).TellRegisters();
        if (inL2 && !machine.Cpu(row.Vcpu).Nested.IsRunning)
            _nested.GoBack(row);
    }

    private bool TryReplayAccess(in TraceEvent row)
    {
        switch (row.Kind)
        {
            case TraceEventKind.PageTableStore:
                Store(row);
                return true;
            case TraceEventKind.Mmio:
                AccessDevice(row);
                return true;
            case TraceEventKind.ImplicitAccess:
                AccessImplicitly(row);
                return true;
            case TraceEventKind.NestedAccess:
                Access(row, row.Access ?? AccessKind.Read, AccessFlags.None, out _);
                return true;
            case TraceEventKind.GuestPhysicalAccess:
                var answer = row.Detail is null ? new HostAnswer() : EventDetail.ReadHostAnswer(row);
                EventRules.Check(row, answer);
                _host.Answer(answer);
                NoteUnless(machine.Cpu(row.Vcpu).AccessPhysical(row.Gpa ?? 0, row.Access ?? AccessKind.Read, row.Flags ?? AccessFlags.None), row);
                return true;
            case TraceEventKind.GuestPageFault:
                machine.Cpu(row.Vcpu).Fault(row.Gva ?? 0, row.ErrorCode ?? 0, row.Flags ?? AccessFlags.None);
                return true;
            case TraceEventKind.EarlierMappings:
                var mappings = EventDetail.ReadEarlierMappings(row);
                EventRules.Check(row, mappings);
                NoteUnless(machine.Vcpu(row.Vcpu).MapEarlier(mappings), row);
                return true;
            default:
                return false;
        }
    }

    private bool TryReplayInstruction(in TraceEvent row)
    {
        var instructions = machine.Cpu(row.Vcpu).Instructions;
        var value = row.Value ?? 0;
        _offered.Look(row.Kind, value);
        switch (row.Kind)
        {
            case TraceEventKind.Cr0Write:
                instructions.WriteCr0(value);
                return true;
            case TraceEventKind.Cr3Write:
                instructions.WriteCr3(value);
                return true;
            case TraceEventKind.Cr4Write:
                instructions.WriteCr4(value);
                return true;
            case TraceEventKind.EferWrite:
                instructions.WriteEfer(value);
                return true;
            case TraceEventKind.PkruWrite:
                instructions.WritePkru((uint)value);
                return true;
            case TraceEventKind.Invlpg:
                instructions.Invlpg(row.Gva ?? 0);
                return true;
            case TraceEventKind.Invlpga:
                instructions.Invlpga(row.Gva ?? 0);
                return true;
            case TraceEventKind.Invept:
                instructions.Invept(value, row.Gpa ?? 0);
                return true;
            case TraceEventKind.Invvpid:
                instructions.Invvpid(value);
                return true;
            case TraceEventKind.Invpcid:
                instructions.Invpcid(value, row.ErrorCode ?? 0, row.Gva ?? 0);
                return true;
            default:
                return false;
        }
    }

    private bool TryReplayHost(in TraceEvent row)
    {
        _journal.ActsForHost = true;
        var isHosts = ReplayHost(row);
        _journal.ActsForHost = false;
        return isHosts;
    }

    private bool ReplayHost(in TraceEvent row)
    {
        var gpa = row.Gpa ?? 0;
        switch (row.Kind)
        {
            case TraceEventKind.Memslot:
                SetMemslot(EventDetail.ReadMemslotChange(row));
                return true;
            case TraceEventKind.HostInvalidate:
                _host.Invalidate(gpa, row.Value ?? 0);
                return true;
            case TraceEventKind.HostChangePte:
                _host.ChangePte(gpa);
                return true;
            case TraceEventKind.HostAge:
                _host.Age(gpa, row.Value ?? 0);
                return true;
            case TraceEventKind.VmEnd:
                _host.TearDown();
                return true;
            case TraceEventKind.TablesForgotten:
                Forget();
                return true;
            case TraceEventKind.DirtyLogOn:
                NoteUnless(_host.DirtyLogOn(gpa), row);
                return true;
            case TraceEventKind.DirtyLogOff:
                NoteUnless(_host.DirtyLogOff(gpa), row);
                return true;
            case TraceEventKind.DirtyLogGet:
                NoteUnless(_host.DirtyLogGet(gpa) is not null, row);
                return true;
            default:
                return false;
        }
    }

    /// <summary>Takes all tables down without a word of it in the history: whether KVM did so too is not known.</summary>
    private void Forget()
    {
        history.IsMuted = true;
        _host.TearDown();
        history.IsMuted = false;
    }

    private void ReplayRest(in TraceEvent row)
    {
        switch (row.Kind)
        {
            case TraceEventKind.PageImage:
                machine.Memory.SetPage((row.Gpa ?? 0) >> 12, row.Data);
                break;
            case TraceEventKind.PageRelease:
                machine.Memory.Forget((row.Gpa ?? 0) >> 12);
                break;
            case TraceEventKind.VcpuState:
                SetRegisters(row, EventDetail.ReadVcpuState(row));
                break;
            case TraceEventKind.Marker:
                _journal.ActsForHost = true;
                Marker?.Invoke((byte)(row.Value ?? 0));
                script?.AtMarker((byte)(row.Value ?? 0));
                _journal.ActsForHost = false;
                if (row is { Rip: { } rip, Size: { } length })
                    machine.Cpu(row.Vcpu).Resume(rip + length);
                break;
            case TraceEventKind.Lost:
                _journal.Note(ModelNote.LostEvents, 0, row.Value ?? 0, 0);
                break;
            case TraceEventKind.Delivery or TraceEventKind.Lidt or TraceEventKind.Lgdt or TraceEventKind.Ltr or TraceEventKind.Lldt:
                break;
            default:
                NoteUnless(false, row);
                break;
        }
    }

    /// <summary>An instruction that reads and writes a device exits once: KVM emulates all of it.</summary>
    private void AccessDevice(in TraceEvent row)
    {
        var isEmulated = row.Access == AccessKind.Write && row.Rip is not null && _emulatedRead is { } read
            && row.Ordinal == read.Ordinal + 1 && row.Gva == read.Gva && row.Rip == read.Rip && row.Vcpu == read.Vcpu;
        _emulatedRead = null;
        if (isEmulated)
            return;
        var outcome = Access(row, row.Access ?? AccessKind.Read, AccessFlags.Mmio, out _);
        if (row.Access == AccessKind.Read && outcome == AccessOutcome.Emulated)
            _emulatedRead = row;
    }

    /// <summary>First the access, then the change: a fault on the way finds the table as it was.</summary>
    private void Store(in TraceEvent row)
    {
        var outcome = Access(row, AccessKind.Write, AccessFlags.None, out var gpa);
        var doneByKvm = outcome == AccessOutcome.Emulated && !machine.Vm.TdpEnabled;
        if (!doneByKvm && gpa is { } target && row.Value is { } value)
            machine.Memory.Store(target, value, (int)(row.Size ?? 8));
    }

    /// <summary>A frame is pushed from the top down: its topmost word is the one that faults.</summary>
    private void AccessImplicitly(in TraceEvent row)
    {
        var word = machine.Cpu(row.Vcpu).Registers.LongMode ? 8u : 4u;
        var first = row.Access == AccessKind.Write && row.Size > word
            ? row with { Gva = row.Gva + row.Size - word, Size = word }
            : row;
        Access(first, row.Access ?? AccessKind.Read, AccessFlags.Implicit, out _);
    }

    private AccessOutcome Access(in TraceEvent row, AccessKind kind, AccessFlags also, out ulong? gpa)
    {
        var access = new CpuAccess
        {
            Gva = row.Gva ?? 0,
            Kind = kind,
            Flags = (row.Flags ?? AccessFlags.None).OfAccess() | also,
            Instruction = (row.Flags ?? AccessFlags.None).Instruction(),
            Gpa = row.Gpa,
            L2Gpa = row.L2Gpa,
            Size = (byte)Math.Min(row.Size ?? 1, 64),
            Value = row.Value,
        };
        return machine.Cpu(row.Vcpu).Access(access, out gpa);
    }

    private void SetMemslot(MemslotChange change)
    {
        var result = _host.Memslot(change);
        if (result != MemslotResult.Done)
            _journal.Note(ModelNote.EventNotModelled, change.Gpa, (ulong)TraceEventKind.Memslot, (ulong)result);
    }

    private void SetRegisters(in TraceEvent row, VcpuState state)
    {
        EventRules.Check(row, state);
        _offered.Look(state);
        var registers = machine.Cpu(row.Vcpu).Registers;
        registers.Cr0 = state.Cr0;
        registers.Cr2 = state.Cr2;
        registers.Cr3 = state.Cr3;
        registers.Cr4 = state.Cr4;
        registers.Efer = state.Efer;
        registers.Pkru = state.Pkru ?? 0;
        registers.Cpl = state.Cpl;
        machine.Vcpu(row.Vcpu).RegistersSet();
    }

    private void NoteUnless(bool modelled, in TraceEvent row)
    {
        if (!modelled)
            _journal.Note(ModelNote.EventNotModelled, row.Gpa ?? row.Gva ?? 0, (ulong)row.Kind, 0);
    }
}
