using System.Runtime.InteropServices;
using Replay.Replayer.History;

namespace Replay.Analyzer.Store.Summaries;

/// <summary>Counts exits by reason with what KVM did before the guest went on, and faults by what makes them alike.</summary>
internal sealed class ExitSummary
{
    private readonly Tally[] _exits = new Tally[256];
    private readonly Dictionary<ulong, Tally> _faults = [];
    private readonly LastExit[] _last = new LastExit[256];

    public void Count(RecordBatch batch)
    {
        CountWritesOutsideFaults(batch.Exits.Records, batch.Writes.Records);
        foreach (ref readonly var exit in batch.Exits.Records)
            _exits[(byte)exit.Reason].Add(exit.Ordinal, 0);
        foreach (ref readonly var row in batch.Faults.Records)
        {
            ref var exit = ref _exits[(byte)row.ExitReason];
            exit.Faults++;
            exit.Writes += row.Fault.Writes;
            CollectionsMarshal.GetValueRefOrAddDefault(_faults, Pack(row), out _).Add(row.Fault.Ordinal, row.Fault.Writes);
        }
    }

    public void Store(NativeConnection connection, int run)
    {
        for (var reason = 1; reason < _exits.Length; reason++)
        {
            var tally = _exits[reason];
            if (tally.Count == 0)
                continue;
            connection.Run(
                "INSERT INTO _exit_count (run, reason, exits, faults, writes, first_ordinal, last_ordinal) VALUES (?, ?, ?, ?, ?, ?, ?)",
                run,
                reason,
                tally.Count,
                tally.Faults,
                tally.Writes,
                tally.FirstOrdinal,
                tally.LastOrdinal);
        }

        foreach (var (key, tally) in _faults)
        {
            connection.Run(
                "INSERT INTO _fault_count (run, handler, access, outcome, mapped_level, faults, writes, first_ordinal, last_ordinal) "
                + "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                run,
                key >> 24,
                key >> 16 & 255,
                key >> 8 & 255,
                key & 255,
                tally.Count,
                tally.Writes,
                tally.FirstOrdinal,
                tally.LastOrdinal);
        }
    }

    /// <summary>
    /// What KVM writes for an exit in no fault: entries that an INVLPG takes away, and, when the exit is over and the guest is about to go on,
    /// those that the syncing of roots changes after a load of CR3.
    /// </summary>
    private void CountWritesOutsideFaults(ReadOnlySpan<VmExitRecord> exits, ReadOnlySpan<TableWrite> writes)
    {
        var next = 0;
        foreach (ref readonly var write in writes)
        {
            if (write.FaultId >= 0 || write.Actor != Actor.Kvm)
                continue;
            for (; next < exits.Length && exits[next].Seq < write.Seq; next++)
                _last[exits[next].Vcpu] = new LastExit(exits[next]);
            ref readonly var last = ref _last[write.Vcpu];
            if (last.Reason != default && (last.ExitId == write.ExitId || last.Ordinal == write.Ordinal))
                _exits[(byte)last.Reason].Writes++;
        }

        for (; next < exits.Length; next++)
            _last[exits[next].Vcpu] = new LastExit(exits[next]);
    }

    // 39..24   23..16  15..8    7..0
    // handler  access  outcome  mapped level
    private static ulong Pack(in FaultRow row) =>
        (ulong)row.Fault.Handler << 24 | (ulong)row.Fault.Access << 16 | (ulong)row.Fault.Outcome << 8 | row.Fault.MappedLevel;

    private readonly record struct LastExit(ExitReason Reason, int ExitId, long Ordinal)
    {
        public LastExit(in VmExitRecord exit)
            : this(exit.Reason, exit.ExitId, exit.Ordinal)
        {
        }
    }

    private struct Tally
    {
        public long Count;
        public long Faults;
        public long Writes;
        public long FirstOrdinal;
        public long LastOrdinal;

        public void Add(long ordinal, long writes)
        {
            if (Count++ == 0)
                FirstOrdinal = ordinal;
            Writes += writes;
            LastOrdinal = ordinal;
        }
    }
}
