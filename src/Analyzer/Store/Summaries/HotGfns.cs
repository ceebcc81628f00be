using System.Numerics;
using Replay.Replayer.History;

namespace Replay.Analyzer.Store.Summaries;

/// <summary>Counts the writes to entries that translate each guest frame. Takes 1.5 KiB for 256 KiB of guest memory of which a page is ever mapped.</summary>
internal sealed class HotGfns(EntryClassifier entries)
{
    private readonly FrameTable<Tally> _tallies = new();

    public void Count(ReadOnlySpan<TableWrite> writes)
    {
        foreach (ref readonly var write in writes)
        {
            if (entries.HasGaps && write.Gfn == Unseen.Word)
                continue;
            ref var tally = ref _tallies[write.Gfn];
            tally.Writes++;
            tally.Levels |= 1u << write.Level;
            var oldKind = entries.Classify(write.Old, write.Level);
            if (oldKind == EntryKind.Unknown)
                continue;
            var wasEmpty = IsEmpty(oldKind);
            var isEmpty = IsEmpty(entries.Classify(write.New, write.Level));
            tally.Set += wasEmpty && !isEmpty ? 1u : 0;
            tally.Changed += !wasEmpty && !isEmpty ? 1u : 0;
            tally.Cleared += !wasEmpty && isEmpty ? 1u : 0;
            tally.Hardware += write.Actor == Actor.Hardware ? 1u : 0;
        }
    }

    public void Store(NativeConnection connection, int run)
    {
        var top = new TopList<Tally>();
        foreach (var (gfn, tally) in _tallies.All)
            top.Add(gfn, tally.Writes, tally);

        foreach (var (gfn, tally) in top.Items())
        {
            connection.Run(
                "INSERT INTO _hot_gfn (run, gfn, writes, set_writes, change_writes, clear_writes, hardware_writes, lowest_level, highest_level) "
                + "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                run,
                gfn,
                tally.Writes,
                tally.Set,
                tally.Changed,
                tally.Cleared,
                tally.Hardware,
                BitOperations.TrailingZeroCount(tally.Levels),
                BitOperations.Log2(tally.Levels));
        }
    }

    private static bool IsEmpty(EntryKind kind) => kind is EntryKind.None or EntryKind.Removed;

    private struct Tally
    {
        public uint Writes;
        public uint Set;
        public uint Changed;
        public uint Cleared;
        public uint Hardware;

        /// <summary>Bit n: an entry of level n.</summary>
        public uint Levels;
    }
}
