using Replay.Replayer.History;
using Replay.Replayer.Kvm;
using Replay.Replayer.Kvm.Mmu;
using Replay.Trace;

namespace Replay.Replayer.Session;

/// <summary>
/// Watches the replay of a filtered capture for table entries that lose something between flush points: an access that the filter
/// dropped, because it had seen its like before, might have faulted or set a bit there. Under shadow paging, where faults take tables
/// apart, only what an access since the last flush point went by counts; with two-dimensional paging, everything.
/// </summary>
internal sealed class ZapWatch : ForwardingHistory
{
    private readonly SpteFormat _format;
    private readonly FlushPoints _flushPoints;
    private RecentAccesses? _recent;
    private bool _atFlushPoint;

    public ZapWatch(IHistory next, FilterRule filter, SpteFormat format)
        : base(next)
    {
        _format = format;
        _flushPoints = new FlushPoints(filter);
    }

    /// <summary>Where to note what was lost.</summary>
    public Journal? Journal { get; set; }

    /// <summary>From here on that VM's tables are watched.</summary>
    public void Watch(KvmVm vm) => _recent = vm.TdpEnabled ? null : new RecentAccesses(vm, _flushPoints.EpochLength);

    /// <summary>A stretch of accesses is about to be replayed.</summary>
    public void EnterAccesses(TraceChunk chunk, int from, int to) => _recent?.Add(chunk, from, to);

    /// <summary>An event is replayed from here to <see cref="LeaveEvent"/>.</summary>
    public void EnterEvent(in TraceEvent row) => _atFlushPoint = _flushPoints.Include(row);

    public void LeaveEvent()
    {
        if (_atFlushPoint)
            _recent?.Forget();
        _atFlushPoint = false;
    }

    public override void OnWrite(in TableWrite record)
    {
        base.OnWrite(record);
        if (record.Old == 0 || record.Actor == Actor.Hardware || _atFlushPoint || record.Ordinal % _flushPoints.EpochLength == 0)
            return;
        var lost = Loss(new Spte(record.Old), new Spte(record.New), record.Level);
        if (lost != EntryLoss.None && (_recent is null || _recent.Need(lost, record)))
            Journal?.Note(ModelNote.ZapOffFlushPoint, record.Gfn << 12, record.Old, record.New);
    }

    /// <summary>A table that gives way to a huge page of the same rights loses nothing.</summary>
    private EntryLoss Loss(Spte old, Spte value, int level)
    {
        if (!IsUsable(old))
            return EntryLoss.None;
        if (!IsUsable(value))
            return EntryLoss.Translation;
        var lost = LostRights(old, value);
        if (!old.IsLast(level))
            return !value.IsLast(level) && old.Pfn != value.Pfn ? EntryLoss.Translation : lost;
        if (!value.IsLast(level) || old.Pfn != value.Pfn)
            return EntryLoss.Translation;
        var bits = old.Raw & ~value.Raw;
        return lost
            | ((bits & _format.AccessedMask) != 0 ? EntryLoss.Translation : EntryLoss.None)
            | ((bits & _format.DirtyMask) != 0 ? EntryLoss.Write : EntryLoss.None);
    }

    private bool IsUsable(Spte spte) => (spte.Raw & _format.PresenceMask) != 0 && !_format.IsMmio(spte) && Rights(spte) != EntryLoss.None;

    private EntryLoss LostRights(Spte old, Spte value)
    {
        var (before, after) = (Rights(old), Rights(value));
        var becameUsers = (after & ~before & EntryLoss.User) != 0 && !_format.IsEpt;
        return (before & ~after) | (becameUsers ? EntryLoss.Supervisor : EntryLoss.None);
    }

    /// <summary>What the entry allows, each as what its loss is called; to be present at all, or readable, as <see cref="EntryLoss.Translation"/>.</summary>
    private EntryLoss Rights(Spte spte)
    {
        var raw = spte.Raw;
        if (_format.IsEpt)
            return Right(raw & 1, EntryLoss.Translation) | Right(raw & 2, EntryLoss.Write) | Right(raw & 4, EntryLoss.Execute);
        if ((raw & _format.PresentMask) == 0)
            return EntryLoss.None;
        return EntryLoss.Translation | Right(raw & 2, EntryLoss.Write) | Right(raw & _format.UserMask, EntryLoss.User) | Right(~raw & _format.NxMask, EntryLoss.Execute);
    }

    private static EntryLoss Right(ulong bit, EntryLoss right) => bit != 0 ? right : EntryLoss.None;
}
