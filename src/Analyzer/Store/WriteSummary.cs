using System.Runtime.InteropServices;
using Replay.Replayer.History;

namespace Replay.Analyzer.Store;

/// <summary>Counts table writes by what makes them alike, so that reports need not scan them.</summary>
internal sealed class WriteSummary(EntryClassifier entries)
{
    private readonly Dictionary<Key, Tally> _tallies = [];

    public void Count(ReadOnlySpan<TableWrite> writes)
    {
        foreach (ref readonly var write in writes)
        {
            var key = new Key(
                write.Level,
                write.ChainId,
                write.Actor,
                entries.Classify(write.Old, write.Level),
                entries.Classify(write.New, write.Level),
                write.Tracepoint);
            ref var tally = ref CollectionsMarshal.GetValueRefOrAddDefault(_tallies, key, out var known);
            if (!known)
            {
                tally.FirstOrdinal = write.Ordinal;
                tally.FirstSeq = write.Seq;
            }

            tally.Writes++;
            tally.LastOrdinal = write.Ordinal;
        }
    }

    /// <summary>Writes for which <paramref name="matches"/> holds.</summary>
    public long Sum(Func<Key, bool> matches) => _tallies.Where(pair => matches(pair.Key)).Sum(pair => pair.Value.Writes);

    public void Store(WriterConnection connection, int run)
    {
        foreach (var (key, tally) in _tallies)
        {
            connection.Run(
                "INSERT INTO _write_count (run, level, chain_id, actor, old_kind, new_kind, tracepoint, writes, first_ordinal, first_seq, last_ordinal) "
                + "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                run,
                key.Level,
                key.ChainId,
                (int)key.Actor,
                (int)key.OldKind,
                (int)key.NewKind,
                (int)key.Tracepoint,
                tally.Writes,
                tally.FirstOrdinal,
                tally.FirstSeq,
                tally.LastOrdinal);
        }
    }

    internal readonly record struct Key(byte Level, int ChainId, Actor Actor, EntryKind OldKind, EntryKind NewKind, Tracepoint Tracepoint);

    private struct Tally
    {
        public long Writes;
        public long FirstOrdinal;
        public long FirstSeq;
        public long LastOrdinal;
    }
}
