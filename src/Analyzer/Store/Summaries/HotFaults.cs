using System.Runtime.InteropServices;
using Replay.Replayer.History;

namespace Replay.Analyzer.Store.Summaries;

/// <summary>Counts faults by the page they are on, and by the instruction that made them.</summary>
internal sealed class HotFaults
{
    private const int PageShift = 12;

    private readonly Dictionary<ulong, Tally> _pages = [];
    private readonly Dictionary<ulong, Tally> _instructions = [];

    public void Count(ReadOnlySpan<FaultRow> faults)
    {
        foreach (ref readonly var row in faults)
        {
            CollectionsMarshal.GetValueRefOrAddDefault(_pages, row.Fault.Address >> PageShift, out _).Add(row.Fault);
            if (row.Fault.Rip != Unseen.Word)
                CollectionsMarshal.GetValueRefOrAddDefault(_instructions, row.Fault.Rip, out _).Add(row.Fault);
        }
    }

    public void Store(NativeConnection connection, int run)
    {
        foreach (var (page, tally) in Top(_pages).Items())
        {
            connection.Run(
                "INSERT INTO _hot_address (run, address, faults, fixed, spurious, emulated, writes, shortest, first_ordinal, last_ordinal) "
                + "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                run,
                page << PageShift,
                tally.Faults,
                tally.Fixed,
                tally.Spurious,
                tally.Emulated,
                tally.Writes,
                tally.Fixed > 1 ? tally.Shortest : null,
                tally.FirstOrdinal,
                tally.LastOrdinal);
        }

        foreach (var (rip, tally) in Top(_instructions).Items())
        {
            connection.Run(
                "INSERT INTO _hot_rip (run, rip, faults, fixed, emulated, writes, first_ordinal, last_ordinal) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                run,
                rip,
                tally.Faults,
                tally.Fixed,
                tally.Emulated,
                tally.Writes,
                tally.FirstOrdinal,
                tally.LastOrdinal);
        }
    }

    private static TopList<Tally> Top(Dictionary<ulong, Tally> tallies)
    {
        var top = new TopList<Tally>();
        foreach (var (key, tally) in tallies)
            top.Add(key, tally.Faults, tally);
        return top;
    }

    private struct Tally
    {
        private long _lastFixed;

        public long Faults;
        public long Fixed;
        public long Spurious;
        public long Emulated;
        public long Writes;
        public long FirstOrdinal;
        public long LastOrdinal;

        /// <summary>Fewest ordinals between two faults that KVM fixed.</summary>
        public long Shortest;

        public void Add(in FaultRecord fault)
        {
            if (Faults++ == 0)
                FirstOrdinal = fault.Ordinal;
            LastOrdinal = fault.Ordinal;
            Writes += fault.Writes;
            Spurious += fault.Outcome == RetPf.Spurious ? 1 : 0;
            Emulated += fault.Outcome is RetPf.Emulate or RetPf.WriteProtected ? 1 : 0;
            if (fault.Outcome != RetPf.Fixed)
                return;
            var distance = fault.Ordinal - _lastFixed;
            if (++Fixed == 2 || (Fixed > 2 && distance < Shortest))
                Shortest = distance;
            _lastFixed = fault.Ordinal;
        }
    }
}
