using Replay.Replayer.Guest;
using Replay.Replayer.Hardware;
using Replay.Replayer.History;
using Replay.Replayer.Kvm;
using Replay.Trace;

namespace Replay.Replayer;

/// <summary>Hands each event of the stream to the room it concerns.</summary>
internal sealed class EventReplay(KvmVm vm, Journal journal, GuestMemory memory, Func<byte, Cpu> cpuFor)
{
    public Action<byte>? Marker { get; set; }

    public void Replay(in TraceEvent row)
    {
        journal.Ordinal = row.Ordinal;
        journal.Vcpu = row.Vcpu;
        journal.Rip = row.Rip ?? 0;
        switch (row.Kind)
        {
            case TraceEventKind.PageTableStore:
                StoreToTable(row);
                break;
            case TraceEventKind.Mmio:
                cpuFor(row.Vcpu).Access(Access(row, AccessFlags.Mmio), out _);
                break;
            case TraceEventKind.ImplicitAccess:
                cpuFor(row.Vcpu).Access(Access(row, AccessFlags.Implicit), out _);
                break;
            case TraceEventKind.PageImage:
                memory.SetPage((row.Gpa ?? 0) >> 12, row.Data ?? []);
                break;
            case TraceEventKind.GuestPageFault:
                cpuFor(row.Vcpu).Fault(row.Gva ?? 0, row.ErrorCode ?? 0, row.Flags ?? AccessFlags.None);
                break;
            case TraceEventKind.VcpuState:
                SetRegisters(row);
                break;
            case TraceEventKind.Marker:
                Marker?.Invoke((byte)(row.Value ?? 0));
                break;
            case TraceEventKind.Lost:
                journal.Note(ModelNote.LostEvents, 0, row.Value ?? 0, 0);
                break;
            case TraceEventKind.Delivery or TraceEventKind.Lidt or TraceEventKind.Lgdt or TraceEventKind.Ltr:
                // Told for the reader of a capture; what the CPU touched for them are implicit accesses of their own.
                break;
            default:
                if (!TryInstruction(row) && !TryHostEvent(row))
                    journal.Note(ModelNote.EventNotModelled, row.Gva ?? row.Gpa ?? 0, (ulong)row.Kind, 0);
                break;
        }
    }

    /// <summary>A store to a guest table: an access first, then a change of the table, unless KVM made the store while it emulated it.</summary>
    private void StoreToTable(in TraceEvent row)
    {
        var outcome = cpuFor(row.Vcpu).Access(Access(row, AccessFlags.None), out var gpa);
        if (outcome != AccessOutcome.Emulated)
            memory.Store(gpa ?? row.Gpa ?? 0, row.Value ?? 0, (int)(row.Size ?? 0));
    }

    private bool TryInstruction(in TraceEvent row)
    {
        var instructions = cpuFor(row.Vcpu).Instructions;
        switch (row.Kind)
        {
            case TraceEventKind.Cr0Write:
                instructions.WriteCr0(row.Value ?? 0);
                return true;
            case TraceEventKind.Cr3Write:
                instructions.WriteCr3(row.Value ?? 0);
                return true;
            case TraceEventKind.Cr4Write:
                instructions.WriteCr4(row.Value ?? 0);
                return true;
            case TraceEventKind.EferWrite:
                instructions.WriteEfer(row.Value ?? 0);
                return true;
            case TraceEventKind.PkruWrite:
                instructions.WritePkru((uint)(row.Value ?? 0));
                return true;
            case TraceEventKind.Invlpg:
                instructions.Invlpg(row.Gva ?? 0);
                return true;
            case TraceEventKind.Invpcid:
                instructions.Invpcid(row.Value ?? 0, row.ErrorCode ?? 0, row.Gva ?? 0);
                return true;
            default:
                return false;
        }
    }

    private bool TryHostEvent(in TraceEvent row)
    {
        var gpa = row.Gpa ?? 0;
        switch (row.Kind)
        {
            case TraceEventKind.Memslot:
                return vm.HostEvents.Memslot(EventDetail.ReadMemslotChange(row)) == MemslotResult.Done;
            case TraceEventKind.HostInvalidate:
                vm.HostEvents.Invalidate(gpa, row.Value ?? 0);
                return true;
            case TraceEventKind.HostChangePte:
                vm.HostEvents.ChangePte(gpa);
                return true;
            case TraceEventKind.HostAge:
                vm.HostEvents.Age(gpa, row.Value ?? 0);
                return true;
            case TraceEventKind.DirtyLogOn:
                return vm.HostEvents.DirtyLogOn(gpa);
            case TraceEventKind.DirtyLogOff:
                return vm.HostEvents.DirtyLogOff(gpa);
            case TraceEventKind.DirtyLogGet:
                return vm.HostEvents.DirtyLogGet(gpa) is not null;
            default:
                return false;
        }
    }

    private void SetRegisters(in TraceEvent row)
    {
        var state = EventDetail.ReadVcpuState(row);
        var registers = cpuFor(row.Vcpu).Registers;
        registers.Cr0 = state.Cr0;
        registers.Cr2 = state.Cr2;
        registers.Cr3 = state.Cr3;
        registers.Cr4 = state.Cr4;
        registers.Efer = state.Efer;
        registers.Cpl = state.Cpl;
        registers.Pkru = state.Pkru ?? 0;
        vm.Vcpus[row.Vcpu].RegistersSet();
    }

    private static CpuAccess Access(in TraceEvent row, AccessFlags flags) => new()
    {
        Gva = row.Gva ?? 0,
        Kind = row.Access ?? AccessKind.Write,
        Flags = (row.Flags ?? AccessFlags.None) | flags,
        Gpa = row.Gpa,
        Size = (byte)Math.Min(row.Size ?? 1, 64),
        Value = row.Value,
    };
}
