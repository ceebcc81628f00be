using Replay.Recorder.Synthetic.Machine;
using Replay.Trace;

namespace Replay.Recorder.Synthetic.Workloads;

/// <summary>
/// What happens to the guest from outside. Where host events are aligned the guest waits in its idle loop, a read at a time, until the
/// ordinal is right: a filtered recording forgets its pages there, so that it misses nothing the event makes the guest touch anew.
/// </summary>
public sealed class HostSide
{
    private readonly GuestKernel _kernel;
    private readonly long _alignment;

    internal HostSide(GuestKernel kernel, long alignment)
    {
        _kernel = kernel;
        _alignment = alignment;
    }

    private GuestMachine Machine => _kernel.Machine;

    /// <summary>Events that happen one after the other while the guest stands still.</summary>
    public void Do(params IReadOnlyList<TraceEvent> events)
        => WhileGuestStands(() =>
        {
            foreach (var what in events)
                Machine.Host(what);
        });

    public void Do(TraceEventKind kind, Gpa gpa, ulong? value = null) => Do(Event(kind, gpa, value));

    /// <summary>Changes of memslots, one after the other while the guest stands still.</summary>
    public void SetMemslots(params IReadOnlyList<MemslotChange> changes)
        => WhileGuestStands(() =>
        {
            foreach (var change in changes)
                Machine.SetMemslot(change);
        });

    public static TraceEvent Event(TraceEventKind kind, Gpa gpa, ulong? value = null)
        => new() { Ordinal = 0, Kind = kind, Gpa = gpa.Value, Value = value };

    /// <summary>Gives the guest its RAM before it starts, the test memory in slots of its own.</summary>
    internal void AddRam(TestMemory? test = null)
    {
        var slot = 0;
        var holeStart = test?.First.Base.Value ?? ulong.MaxValue;
        var holeEnd = test is null ? ulong.MaxValue : holeStart + test.Bytes;
        foreach (var (start, end) in Ranges())
        {
            AddRange(ref slot, start, Math.Min(end, Math.Max(start, holeStart)));
            AddRange(ref slot, Math.Max(start, Math.Min(end, holeEnd)), end);
        }
        foreach (var change in test?.Describe() ?? [])
            Machine.SetMemslot(change);
    }

    private IEnumerable<(ulong Start, ulong End)> Ranges()
    {
        yield return (0, Machine.Memory.LowBytes);
        if (Machine.Memory.HighBytes > 0)
            yield return (MachineMemory.HighBase, MachineMemory.HighBase + Machine.Memory.HighBytes);
    }

    private void AddRange(ref int slot, ulong start, ulong end)
    {
        if (end <= start)
            return;
        Machine.SetMemslot(new MemslotChange
        {
            Slot = slot,
            Gpa = start,
            Size = end - start,
            HvaOffset = start & ((1UL << 30) - 1),
            Name = $"ram.{slot}",
        });
        slot++;
    }

    private void WhileGuestStands(Action act)
    {
        if (_alignment <= 1)
        {
            act();
            return;
        }
        var programs = Machine.Vcpus.Where(vcpu => vcpu.Cpl == 3).ToList();
        foreach (var vcpu in Machine.Vcpus)
        {
            _kernel.EnterKernel(vcpu);
            _kernel.Memory.Enter(vcpu, KernelFunction.Idle);
        }
        IdleToBoundary();
        act();
        foreach (var vcpu in programs)
            _kernel.LeaveKernel(vcpu);
    }

    private void IdleToBoundary()
    {
        for (var turn = 0; Machine.Stream.NextOrdinal % _alignment != 0; turn++)
        {
            var vcpu = Machine.Vcpus[turn % Machine.Vcpus.Count];
            _kernel.Memory.Touch(vcpu, AccessKind.Read, _kernel.Layout.VcpuVariables(vcpu.Index) + 0x40, 8);
        }
    }
}
