using System.Runtime.CompilerServices;
using Replay.Trace;

namespace Replay.Recorder.Synthetic;

/// <summary>
/// The rule by which a filtered recording drops accesses: a direct-mapped table per vCPU holds the pages touched lately, each by kind of
/// access and privilege; an access that finds itself there is dropped. All tables are emptied together at every flush point, since what
/// one vCPU does to a page table concerns every other; but not by a store to a page table that nothing they hold was translated through.
/// </summary>
public sealed class PageFilter
{
    private const int MaxVcpus = 256;

    private readonly Slot[]?[] _tables = new Slot[]?[MaxVcpus];
    private readonly FlushPoints _flushPoints;
    private readonly TranslatedTables _translated;
    private readonly int _entries;
    private readonly int _shift;
    private long _nextEpoch;
    private uint _generation = 1;

    /// <param name="rule">When to drop and to forget.</param>
    /// <param name="memoryBytes">Guest RAM, where its page tables are.</param>
    /// <exception cref="ArgumentException">The rule's table length is no power of two, its epoch not positive, or a flush name unknown.</exception>
    public PageFilter(FilterRule rule, ulong memoryBytes)
    {
        if (rule.Entries < 2 || !int.IsPow2(rule.Entries))
            throw new ArgumentException($"A page filter of {rule.Entries} entries: it must be a power of two, at least 2.", nameof(rule));
        if (rule.EpochLength <= 0)
            throw new ArgumentException($"A filter epoch of {rule.EpochLength} ordinals: it must be at least 1.", nameof(rule));
        _entries = rule.Entries;
        _shift = 64 - int.Log2(rule.Entries);
        foreach (var name in rule.FlushOn)
        {
            if (!FlushRule.TryGetKinds(name, out _))
                throw new ArgumentException($"A page filter cannot flush on \"{name}\".", nameof(rule));
        }
        _flushPoints = new FlushPoints(rule);
        _translated = new TranslatedTables(memoryBytes);
        _nextEpoch = _flushPoints.EpochLength;
    }

    /// <summary>Accesses dropped so far.</summary>
    public long Dropped { get; private set; }

    /// <summary>Whether an access is to be recorded; ordinals must ascend.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool Admits(long ordinal, byte vcpu, byte kind, byte flags, ulong gva)
    {
        if (ordinal >= _nextEpoch)
            StartEpoch(ordinal);
        // 55:4 page | 3:2 kind | 1:0 user, AC
        var key = ((gva >> 12) << 4) | ((ulong)kind << 2) | ((ulong)flags & 3);
        var table = _tables[vcpu] ??= new Slot[_entries];
        ref var slot = ref table[(key * 0x9E37_79B9_7F4A_7C15) >> _shift];
        if (slot.Key == key && slot.Generation == _generation)
        {
            Dropped++;
            return false;
        }
        slot.Key = key;
        slot.Generation = _generation;
        _translated.Add(vcpu, gva);
        return true;
    }

    /// <summary>Tells of an event, which may empty the tables.</summary>
    /// <returns>The event as the filtered recording has it: a store to a page table says whether it emptied them.</returns>
    public TraceEvent See(in TraceEvent row)
    {
        if (row is { Kind: TraceEventKind.PageTableStore or TraceEventKind.Mmio or TraceEventKind.ImplicitAccess or TraceEventKind.GuestPageFault, Gva: { } gva })
            _translated.Walk(row.Vcpu, gva);
        var seen = row.Kind == TraceEventKind.PageTableStore ? Mark(row) : row;
        _translated.See(row);
        if (_flushPoints.Include(seen))
            Flush();
        return seen;
    }

    private TraceEvent Mark(in TraceEvent store)
    {
        var flags = (store.Flags ?? AccessFlags.None) & ~AccessFlags.KeptFilter;
        return store with { Flags = _translated.DependOnStore(store.Gpa ?? 0) ? flags : flags | AccessFlags.KeptFilter };
    }

    private void StartEpoch(long ordinal)
    {
        Flush();
        _nextEpoch = ((ordinal / _flushPoints.EpochLength) + 1) * _flushPoints.EpochLength;
    }

    private void Flush()
    {
        _translated.Forget();
        if (++_generation != 0)
            return;
        foreach (var table in _tables)
            table?.AsSpan().Clear();
        _generation = 1;
    }

    private struct Slot
    {
        public ulong Key;
        public uint Generation;
    }
}
