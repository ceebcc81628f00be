using System.Runtime.InteropServices;
using Replay.Replayer.History;

namespace Replay.Analyzer.Store.Summaries;

/// <summary>
/// Counts the leaf entries that faults set, by what had become of the entry of this frame and level before. Takes 1 KiB for 256 KiB of guest
/// memory of which a page is ever mapped.
/// </summary>
internal sealed class RefaultSummary(EntryClassifier entries)
{
    private const int LevelShift = 3;

    /// <summary>A frame's number has 40 bits.</summary>
    private const int GroupShift = 40;

    /// <summary>Groups that have a bit in <see cref="Frame.Counted"/>.</summary>
    private const int Marked = 32;

    private readonly FrameTable<Frame> _frames = new();

    /// <summary>Entries above level 1, by frame and level.</summary>
    private readonly Dictionary<ulong, Last> _upper = [];
    private readonly Dictionary<long, int> _numbers = new() { [Key(Why.First, -1)] = 0 };

    /// <summary>The first is there even where no fault set anything, so that it can be told from a run of which nothing was counted.</summary>
    private readonly List<Group> _groups = [new Group { Why = Why.First, Chain = -1, LastFault = -1 }];

    /// <summary>Frames counted in the groups that have no bit: a set, which checkpoints do not keep as such.</summary>
    private readonly Dictionary<ulong, bool> _counted = [];

    private enum Why
    {
        First = 0,
        TakenAway = 1,
        InAnotherTable = 2,
        NotShown = 3,

        /// <summary>It maps a page: what that means for the next mapping, its table tells.</summary>
        Maps = 4,

        /// <summary>And the entry's kind: something other than a leaf, that had not taken one away.</summary>
        Was = 16,
    }

    /// <summary>
    /// A trace's writes are counted by the query, in the order of their places: they come when nothing more can be learned of them, those of a thread
    /// that rests behind later ones of others.
    /// </summary>
    public void Count(ReadOnlySpan<TableWrite> writes)
    {
        if (entries.HasGaps)
            return;
        foreach (ref readonly var write in writes)
        {
            if (write.Actor != Actor.Kvm)
                continue;
            ref var last = ref write.Level == 1
                ? ref _frames[write.Gfn].Entry
                : ref CollectionsMarshal.GetValueRefOrAddDefault(_upper, write.Gfn << LevelShift | write.Level, out _);
            var old = entries.Classify(write.Old, write.Level);
            var now = entries.ClassifyNew(write);
            if (write.FaultId >= 0 && IsPage(now) && !IsPage(old))
                Count(write, last);
            last.Table = write.TableId;
            last.Chain = write.ChainId;
            last.Why = IsPage(now) ? Why.Maps
                : (IsPage(old) || old == EntryKind.Mmio) && now != EntryKind.Mmio ? Why.TakenAway
                : Why.Was + (int)now;
        }
    }

    public void Store(NativeConnection connection, int run)
    {
        if (entries.HasGaps)
            return;
        foreach (ref readonly var group in CollectionsMarshal.AsSpan(_groups))
        {
            connection.Run(
                "INSERT INTO _refault_tally (run, why, chain_id, mappings, faults, frames, first_ordinal, last_ordinal) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                run,
                (int)group.Why,
                group.Chain,
                group.Mappings,
                group.Faults,
                group.Frames,
                group.Mappings > 0 ? group.FirstOrdinal : null,
                group.Mappings > 0 ? group.LastOrdinal : null);
        }
    }

    private void Count(in TableWrite write, in Last last)
    {
        var why = last.Why != Why.Maps ? last.Why : last.Table != write.TableId ? Why.InAnotherTable : Why.NotShown;
        var chain = last.Why is Why.First or Why.Maps ? -1 : last.Chain;
        ref var number = ref CollectionsMarshal.GetValueRefOrAddDefault(_numbers, Key(why, chain), out var isKnown);
        if (!isKnown)
        {
            number = _groups.Count;
            _groups.Add(new Group { Why = why, Chain = chain, LastFault = -1 });
        }

        ref var group = ref CollectionsMarshal.AsSpan(_groups)[number];
        if (group.Mappings++ == 0)
            group.FirstOrdinal = write.Ordinal;
        group.LastOrdinal = write.Ordinal;
        if (group.LastFault != write.FaultId)
            group.Faults++;
        group.LastFault = write.FaultId;
        if (number >= Marked)
        {
            group.Frames += _counted.TryAdd((ulong)number << GroupShift | write.Gfn, true) ? 1 : 0;
            return;
        }

        ref var counted = ref _frames[write.Gfn].Counted;
        group.Frames += (counted >> number & 1) ^ 1;
        counted |= 1u << number;
    }

    private static long Key(Why why, int chain) => (long)why << 32 | (uint)chain;

    private static bool IsPage(EntryKind kind) => kind is EntryKind.Page or EntryKind.Huge;

    /// <summary>The last write to an entry.</summary>
    private struct Last
    {
        public int Table;
        public int Chain;

        /// <summary>Why a mapping after it would be made; <see cref="Why.First"/>: there was no write.</summary>
        public Why Why;
    }

    private struct Frame
    {
        public Last Entry;

        /// <summary>Bit n: group n has counted the frame.</summary>
        public uint Counted;
    }

    private struct Group
    {
        public Why Why;
        public int Chain;
        public long Mappings;
        public long Faults;
        public long Frames;
        public long FirstOrdinal;
        public long LastOrdinal;
        public int LastFault;
    }
}
