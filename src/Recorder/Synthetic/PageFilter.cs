using System.Runtime.CompilerServices;
using Replay.Trace;

namespace Replay.Recorder.Synthetic;

/// <summary>
/// The rule by which a filtered recording drops accesses: a direct-mapped table per vCPU holds the pages touched lately, each by kind of
/// access and privilege; an access that finds itself there is dropped. All tables are emptied together at every flush point, since what
/// one vCPU does to a page table concerns every other.
/// </summary>
public sealed class PageFilter
{
    private const int MaxVcpus = 256;

    private readonly Slot[]?[] _tables = new Slot[]?[MaxVcpus];
    private readonly bool[] _flushes = new bool[256];
    private readonly int _entries;
    private readonly int _shift;
    private readonly long _epochLength;
    private long _nextEpoch;
    private uint _generation = 1;

    /// <exception cref="ArgumentException">The rule's table length is no power of two, its epoch not positive, or a flush name unknown.</exception>
    public PageFilter(FilterRule rule)
    {
        if (rule.Entries < 2 || !int.IsPow2(rule.Entries))
            throw new ArgumentException($"A page filter of {rule.Entries} entries: it must be a power of two, at least 2.", nameof(rule));
        if (rule.EpochLength <= 0)
            throw new ArgumentException($"A filter epoch of {rule.EpochLength} ordinals: it must be at least 1.", nameof(rule));
        _entries = rule.Entries;
        _shift = 64 - int.Log2(rule.Entries);
        _epochLength = rule.FlushOn.Contains(FlushRule.Epoch) ? rule.EpochLength : long.MaxValue;
        _nextEpoch = _epochLength;
        foreach (var name in rule.FlushOn)
        {
            if (!FlushRule.TryGetKinds(name, out var kinds))
                throw new ArgumentException($"A page filter cannot flush on \"{name}\".", nameof(rule));
            foreach (var kind in kinds)
                _flushes[(int)kind] = true;
        }
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
        return true;
    }

    /// <summary>Tells of an event, which may empty the tables.</summary>
    public void See(TraceEventKind kind)
    {
        if (_flushes[(int)kind])
            Flush();
    }

    private void StartEpoch(long ordinal)
    {
        Flush();
        _nextEpoch = ((ordinal / _epochLength) + 1) * _epochLength;
    }

    private void Flush()
    {
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
