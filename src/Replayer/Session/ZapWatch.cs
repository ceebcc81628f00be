using Replay.Replayer.History;
using Replay.Replayer.Kvm.Mmu;
using Replay.Trace;

namespace Replay.Replayer.Session;

/// <summary>
/// Watches the replay of a filtered capture for table entries that lose something between flush points: an access that the filter
/// dropped, because it had seen its like before, might have faulted or set a bit there.
/// </summary>
internal sealed class ZapWatch : ForwardingHistory
{
    private readonly SpteFormat _format;
    private readonly bool[] _flushKinds = new bool[byte.MaxValue + 1];
    private readonly long _epochLength = long.MaxValue;
    private bool _atFlushPoint;

    public ZapWatch(IHistory next, FilterRule filter, SpteFormat format)
        : base(next)
    {
        _format = format;
        foreach (var name in filter.FlushOn)
        {
            if (!FlushRule.TryGetKinds(name, out var kinds))
                continue;
            foreach (var kind in kinds)
                _flushKinds[(int)kind] = true;
        }

        if (filter.FlushOn.Contains(FlushRule.Epoch) && filter.EpochLength > 0)
            _epochLength = filter.EpochLength;
    }

    /// <summary>Where to note what was lost.</summary>
    public Journal? Journal { get; set; }

    /// <summary>An event is replayed from here to <see cref="LeaveEvent"/>.</summary>
    public void EnterEvent(TraceEventKind kind) => _atFlushPoint = _flushKinds[(int)kind];

    public void LeaveEvent() => _atFlushPoint = false;

    public override void OnWrite(in TableWrite record)
    {
        base.OnWrite(record);
        if (record.Old == 0 || record.Actor == Actor.Hardware || _atFlushPoint || record.Ordinal % _epochLength == 0)
            return;
        if (Loses(new Spte(record.Old), new Spte(record.New), record.Level))
            Journal?.Note(ModelNote.ZapOffFlushPoint, record.Gfn << 12, record.Old, record.New);
    }

    /// <summary>
    /// The CPU could do something with the old entry that it cannot do with the new one, or not without setting bits again. A table
    /// that gives way to a huge page of the same rights loses nothing.
    /// </summary>
    private bool Loses(Spte old, Spte value, int level)
    {
        if (!IsUsable(old))
            return false;
        if (!IsUsable(value) || (Rights(old) & ~Rights(value)) != 0)
            return true;
        if (!old.IsLast(level))
            return !value.IsLast(level) && old.Pfn != value.Pfn;
        if (!value.IsLast(level) || old.Pfn != value.Pfn)
            return true;
        return (old.Raw & ~value.Raw & (_format.AccessedMask | _format.DirtyMask)) != 0;
    }

    private bool IsUsable(Spte spte) => spte.IsShadowPresent && !_format.IsMmio(spte) && Rights(spte) != 0;

    /// <summary>Read (or present), write, execute and user as bits that are set where the right is given.</summary>
    private ulong Rights(Spte spte)
    {
        if (_format.IsEpt)
            return spte.Raw & 7;
        return (spte.Raw & _format.PresentMask) == 0 ? 0 : (spte.Raw & (7 | _format.NxMask)) ^ _format.NxMask;
    }
}
