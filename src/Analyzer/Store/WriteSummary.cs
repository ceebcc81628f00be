using System.Runtime.InteropServices;
using Replay.Replayer.History;

namespace Replay.Analyzer.Store;

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

    public void Store(WriterConnection connection, int run)
    {
        foreach (var (packed, tally) in _tallies)
        {
            var key = Unpack(packed);
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

    // 63..32    31..24  23..16    15..8     7..1        0
    // chain id  level   new kind  old kind  tracepoint  actor
    private ulong Pack(in TableWrite write) =>
        (ulong)(uint)write.ChainId << 32
        | (ulong)write.Level << 24
        | (ulong)entries.Classify(write.New, write.Level) << 16
        | (ulong)entries.Classify(write.Old, write.Level) << 8
        | (ulong)write.Tracepoint << 1
        | (ulong)write.Actor;

    private static Key Unpack(ulong packed) => new(
        (byte)(packed >> 24),
        (int)(packed >> 32),
        (Actor)(packed & 1),
        (EntryKind)(packed >> 8 & 255),
        (EntryKind)(packed >> 16 & 255),
        (Tracepoint)(packed >> 1 & 127));

    internal readonly record struct Key(byte Level, int ChainId, Actor Actor, EntryKind OldKind, EntryKind NewKind, Tracepoint Tracepoint);

    private struct Tally
    {
        public long Writes;
        public long FirstOrdinal;
        public long FirstSeq;
        public long LastOrdinal;
    }
}
