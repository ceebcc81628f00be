using Replay.Replayer.Guest;
using Replay.Replayer.Hardware;
using Replay.Replayer.History;
using Replay.Replayer.Kvm;
using Replay.Replayer.Kvm.Host;
using Replay.Trace;

namespace Replay.Replayer.Session;

/// <summary>
/// Replays the events by which a guest (L1) runs one of its own (L2). Where the modelled KVM could not run it, all that L2 does is passed over:
/// nothing of it may be taken for L1's.
/// </summary>
internal sealed class NestedReplay(Machine machine)
{
    private readonly NestedExitCodes _codes = NestedExitCodes.Of(machine.Vm.Profile.Vendor);
    private readonly Journal _journal = machine.Journal;
    private readonly bool[] _passedOver = new bool[byte.MaxValue + 1];

    /// <returns>False: the event is for others.</returns>
    public bool TryReplay(List<TraceEvent> rows, int index)
    {
        var row = rows[index];
        switch (row.Kind)
        {
            case TraceEventKind.NestedEnter:
                Enter(row);
                return true;
            case TraceEventKind.NestedExit:
                Leave(rows, index);
                return true;
            case TraceEventKind.PageImage or TraceEventKind.Memslot or TraceEventKind.Lost or TraceEventKind.VcpuState:
            case >= TraceEventKind.HostInvalidate and <= TraceEventKind.DirtyLogGet:
                return false;
            case TraceEventKind.Invlpga when !machine.Cpu(row.Vcpu).Nested.CanRun(new NestedEntry()):
            case TraceEventKind.Invept or TraceEventKind.Invvpid when !machine.Cpu(row.Vcpu).Nested.CanRun(new NestedEntry { Vmx = true }):
                return true;
            default:
                return _passedOver[row.Vcpu] && PassOver(row);
        }
    }

    /// <summary>The model took L2 to L1 where the capture shows L2 going on. The capture is right.</summary>
    public void GoBack(in TraceEvent row)
    {
        var cpu = machine.Cpu(row.Vcpu);
        _journal.Note(ModelNote.UnexpectedGuestFault, row.Gva ?? 0, row.Gpa ?? 0, machine.Vcpu(row.Vcpu).LastNestedExit.Info1);
        cpu.Nested.Reenter();
    }

    /// <summary>The first half of a read-modify-write instruction, where the CPU asks for the right to write at once: its write follows.</summary>
    public bool IsHalfDone(List<TraceEvent> rows, int index)
    {
        var row = rows[index];
        if (row is not { Kind: TraceEventKind.NestedAccess, Access: AccessKind.Read, Rip: { } rip } || index + 1 == rows.Count)
            return false;
        var next = rows[index + 1];
        var isWrite = next.Kind == TraceEventKind.PageTableStore || next is { Kind: TraceEventKind.NestedAccess, Access: AccessKind.Write };
        return isWrite && machine.Vm.Profile.ReadModifyWriteIsWrite && next.Ordinal == row.Ordinal + 1 && next.Gva == row.Gva && next.Rip == rip
            && next.Size == row.Size && next.Vcpu == row.Vcpu;
    }

    private bool PassOver(in TraceEvent row)
    {
        if (row is { Kind: TraceEventKind.PageTableStore, Gpa: { } gpa, Value: { } value })
            machine.Memory.Store(gpa, value, (int)(row.Size ?? 8));
        return true;
    }

    private void Enter(in TraceEvent row)
    {
        var entry = EventDetail.ReadNestedEntry(row);
        var nested = machine.Cpu(row.Vcpu).Nested;
        _passedOver[row.Vcpu] = nested.IsRunning || !nested.CanRun(entry);
        if (_passedOver[row.Vcpu])
        {
            _journal.Note(ModelNote.NestedNotFollowed, row.Rip ?? 0, row.Gpa ?? 0, (ulong)WhyNot(entry));
            return;
        }

        machine.Memory.Tell(_journal);
        nested.Enter(row.Gpa ?? 0, entry);
    }

    private NestedRefusal WhyNot(NestedEntry entry) => (entry.Vmx == true, machine.Vm.Profile.Vendor) switch
    {
        (false, CpuVendor.Intel) => NestedRefusal.SvmOnIntel,
        (true, CpuVendor.Amd) => NestedRefusal.VmxOnAmd,
        _ when entry.NestedPaging && !machine.Vm.TdpEnabled => NestedRefusal.TablesUnderShadowPaging,
        _ => NestedRefusal.GuestOfNestedGuest,
    };

    private void Leave(List<TraceEvent> rows, int index)
    {
        var row = rows[index];
        var nested = machine.Cpu(row.Vcpu).Nested;
        var wasPassedOver = _passedOver[row.Vcpu];
        _passedOver[row.Vcpu] = false;
        if (wasPassedOver || !nested.IsRunning)
            return;
        var exit = EventDetail.ReadNestedExit(row);
        var code = row.Value ?? 0;
        nested.Leave(code, exit, _codes.IsTableFault(code) ? FindAccess(rows, index, exit) : null, row.Rip ?? 0);
    }

    /// <summary>
    /// The access that a nested page fault kept L2 from. L2 makes it again when L1 has repaired its tables: it stands further on in the
    /// stream, at the instruction where L2 then begins.
    /// </summary>
    private CpuAccess? FindAccess(List<TraceEvent> rows, int index, NestedExit exit)
    {
        var isEpt = machine.Vm.Profile.Vendor == CpuVendor.Intel;
        var vcpu = rows[index].Vcpu;
        var kvm = machine.Vcpu(vcpu);
        var nested = new ControlRegisters { Cr0 = ControlBits.Cr0Pg, Cr3 = kvm.PgdOf(kvm.GuestMmu), Cr4 = exit.Cr4, Efer = exit.Efer };
        var path = new NestedPath(machine.Memory, machine.Cpu(vcpu).Registers, nested, isEpt);
        var isFinal = (exit.Info1 & (isEpt ? EptWalker.OnFinalTranslation : NptWalker.GuestFinal)) != 0;
        // The CPU tells nothing but the address of entries that are malformed.
        var isUnknown = isEpt && rows[index].Value == NestedExitCodes.VmxMisconfiguration;
        var isFetch = (exit.Info1 & (isEpt ? EptWalker.Fetch : (ulong)PageFaultCode.Fetch)) != 0;
        ulong? rip = null;
        for (var i = index + 1; i < rows.Count; i++)
        {
            var row = rows[i];
            if (row.Vcpu != vcpu)
                continue;
            if (row.Kind == TraceEventKind.NestedEnter)
            {
                var resumed = EventDetail.ReadNestedEntry(row).Rip;
                if (rip is { } before && before != resumed)
                    return null;
                rip = resumed;
                if (isFinal ? isFetch : path.Reads(resumed, exit.Info2))
                    return new CpuAccess { Gva = resumed, Kind = AccessKind.Fetch, Size = 1 };
                continue;
            }

            if (rip is null || row.L2Gpa is not { } l2Gpa || row.Gva is not { } gva)
                continue;
            if (row.Rip is { } at && at != rip && row.Access != AccessKind.Fetch)
                return null;
            var kind = row.Kind == TraceEventKind.PageTableStore ? AccessKind.Write : row.Access ?? AccessKind.Read;
            var isThere = (l2Gpa ^ exit.Info2) >> 12 == 0;
            if (isUnknown ? isThere || path.Reads(gva, exit.Info2) : isFinal ? isThere && kind != AccessKind.Fetch : path.Reads(gva, exit.Info2))
                return new CpuAccess { Gva = gva, Kind = kind, Flags = (row.Flags ?? AccessFlags.None).OfAccess(), Size = (byte)Math.Min(row.Size ?? 1, 64) };
        }

        return null;
    }
}
