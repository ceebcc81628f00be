using System.Runtime.InteropServices;
using Replay.Replayer.History;

namespace Replay.Analyzer.Store.Summaries;

/// <summary>Counts table writes by what makes them alike, so that reports need not scan them.</summary>
internal sealed class WriteSummary(EntryClassifier entries)
{
    private readonly Dictionary<ulong, Tally> _tallies = [];

    public void Count(ReadOnlySpan<TableWrite> writes)
    {
        foreach (ref readonly var write in writes)
        {
            ref var tally = ref CollectionsMarshal.GetValueRefOrAddDefault(_tallies, Pack(write), out var known);
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
    public long Sum(Func<Key, bool> matches) => _tallies.Where(pair => matches(Unpack(pair.Key))).Sum(pair => pair.Value.Writes);

    public void Store(NativeConnection connection, int run)
    {
        foreach (var (packed, tally) in _tallies)
        {
            var key = Unpack(packed);
            connection.Run(
                "INSERT INTO _write_tally (run, level, chain_id, actor, old_kind, new_kind, tracepoint, changes, writes, first_ordinal, first_seq, last_ordinal) "
                + "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                run,
                key.Level,
                key.ChainId,
                (int)key.Actor,
                (int)key.OldKind,
                (int)key.NewKind,
                (int)key.Tracepoint,
                key.Changes,
                tally.Writes,
                tally.FirstOrdinal,
                tally.FirstSeq,
                tally.LastOrdinal);
        }
    }

    // 63..32    31..28    27..24    23..21  20..10   9..7        6      (rest 0)
    // chain id  new kind  old kind  level   changes  tracepoint  actor
    private ulong Pack(in TableWrite write)
    {
        var oldKind = entries.Classify(write.Old, write.Level);
        var newKind = entries.ClassifyNew(write);
        return (ulong)(uint)write.ChainId << 32
            | (ulong)newKind << 28
            | (ulong)oldKind << 24
            | (ulong)write.Level << 21
            | (ulong)EntryChanges.Of(entries, write.Old, write.New, oldKind, newKind) << 10
            | (ulong)write.Tracepoint << 7
            | (ulong)write.Actor << 6;
    }

    private static Key Unpack(ulong packed) => new(
        (byte)(packed >> 21 & 7),
        (int)(packed >> 32),
        (Actor)(packed >> 6 & 1),
        (EntryKind)(packed >> 24 & 15),
        (EntryKind)(packed >> 28 & 15),
        (Tracepoint)(packed >> 7 & 7),
        (int)(packed >> 10 & 0x7ff));

    internal readonly record struct Key(byte Level, int ChainId, Actor Actor, EntryKind OldKind, EntryKind NewKind, Tracepoint Tracepoint, int Changes);

    private struct Tally
    {
        public long Writes;
        public long FirstOrdinal;
        public long FirstSeq;
        public long LastOrdinal;
    }
}
