using Replay.Trace;

namespace Replay.Recorder.Ftrace.Reconstruction;

/// <summary>
/// What userspace did that no event of KVM tells: dirty logging switched on, the dirty log read, a memslot replaced. System calls tell
/// when, where the trace has them; otherwise the faults that follow tell that it was, and the last time before them at which a vCPU was
/// in userspace is taken.
/// </summary>
internal sealed class UserspaceActs
{
    private sealed record Mapping(long Ordinal, int Level);

    private readonly TraceFacts _facts;
    private readonly bool _slotsGoAlone;
    private readonly Dictionary<ulong, Mapping>[] _mapped = [[], [], []];
    private readonly List<Fact> _added = [];
    private long _lastUnmap = -1;
    private long _lastRead = -1;
    private long _lastCall = -1;
    private long _lastExit = -1;
    private int _exits;
    private bool _isLogging;

    /// <param name="facts">What the trace shows, in its order.</param>
    /// <param name="slotsGoAlone">The kernel may take away a memslot's mappings and leave those of others (KVM_X86_QUIRK_SLOT_ZAP_ALL off).</param>
    private UserspaceActs(TraceFacts facts, bool slotsGoAlone)
    {
        _facts = facts;
        _slotsGoAlone = slotsGoAlone;
        _isLogging = facts is { LogsDirty: true, LogsDirtyFromStart: true };
    }

    /// <summary>Adds them to the facts.</summary>
    public static void Infer(TraceFacts facts, bool slotsGoAlone)
    {
        var acts = new UserspaceActs(facts, slotsGoAlone);
        Sort(facts.Facts);
        foreach (var fact in facts.Facts)
            acts.Look(fact);
        facts.Facts.AddRange(acts._added);
        facts.Facts.RemoveAll(fact => fact.Kind is FactKind.SlotCall or FactKind.Zap);
        Sort(facts.Facts);
    }

    /// <summary>What is inferred stands before what it was inferred from.</summary>
    private static void Sort(List<Fact> facts)
    {
        var sorted = facts.OrderBy(fact => fact.Ordinal).ThenBy(fact => fact.IsInferred ? 0 : 1).ToList();
        facts.Clear();
        facts.AddRange(sorted);
    }

    private void Look(Fact fact)
    {
        while (_exits < _facts.UserspaceExits.Count && _facts.UserspaceExits[_exits] < fact.Ordinal)
            _lastExit = _facts.UserspaceExits[_exits++];
        switch (fact.Kind)
        {
            case FactKind.SlotCall:
                _lastCall = fact.Ordinal;
                break;
            case FactKind.Fault when fact.IsAnswered:
                Fault(fact);
                break;
            case FactKind.DirtyLogGet:
                _lastRead = fact.Ordinal;
                if (_isLogging)
                    break;
                _isLogging = true;
                // Entries that lose their rights before anything was logged: they do as logging is switched on. A call that reads comes later.
                if (fact.IsCall)
                    Add(FactKind.DirtyLogOn, Place(-1) is >= 0 and var on ? on : fact.Ordinal);
                else
                    fact.Kind = FactKind.DirtyLogOn;
                break;
            case FactKind.SlotGone or FactKind.ZapAll or FactKind.Lost:
                Forget();
                break;
            case FactKind.Invalidate or FactKind.Zap:
                _lastUnmap = fact.Ordinal;
                break;
            default:
                break;
        }
    }

    private void Fault(Fact fact)
    {
        var gfn = fact.Gpa >> 12;
        var before = Find(gfn);
        if (before is not null && fact.WasNotPresent && _slotsGoAlone && !_facts.ShowsZaps && _lastUnmap < before.Ordinal
            && Place(before.Ordinal) is >= 0 and var gone)
        {
            Add(FactKind.SlotGone, gone, gfn);
            Forget();
        }

        // A large page that could be written is written again, and mapped small.
        var wasSplit = before is { Level: > 1 } && fact is { Level: 1, WasNotPresent: false, Access: AccessKind.Write } && _lastUnmap < before.Ordinal;
        if (fact.WasWriteProtected || wasSplit)
            Protected(before?.Ordinal ?? -1);
        // A table stands where a larger page was.
        for (var level = fact.Level + 1; level <= _mapped.Length; level++)
            _mapped[level - 1].Remove(gfn >> (9 * (level - 1)));
        foreach (var page in fact.Pages)
            _mapped[fact.Level - 1][page.Gfn >> (9 * (fact.Level - 1))] = new Mapping(fact.Ordinal, fact.Level);
    }

    /// <summary>The entry had been write-protected when the guest wrote.</summary>
    /// <param name="since">It could be written there.</param>
    private void Protected(long since)
    {
        // Where calls or writes show the reading, nothing is to be inferred; nor where a reading lies between.
        if (_isLogging && (_facts.HasLogCalls || _facts.ShowsZaps || _lastRead > since))
            return;
        if (Place(Math.Max(since, _lastRead)) is not (>= 0 and var at))
            return;
        _lastRead = at;
        Add(_isLogging ? FactKind.DirtyLogGet : FactKind.DirtyLogOn, at);
        _isLogging = true;
    }

    /// <summary>When userspace did what shows now, and had not been done at another event: at its last call that may have, else when a vCPU was there last; -1: not since.</summary>
    private long Place(long since) => _lastCall > since ? _lastCall : _lastExit > since ? _lastExit : -1;

    private void Add(FactKind kind, long ordinal, ulong gfn = 0) =>
        _added.Add(new Fact { Kind = kind, Ordinal = ordinal, Gpa = gfn << 12, IsInferred = true });

    private Mapping? Find(ulong gfn)
    {
        for (var level = 1; level <= _mapped.Length; level++)
        {
            if (_mapped[level - 1].TryGetValue(gfn >> (9 * (level - 1)), out var mapping))
                return mapping;
        }

        return null;
    }

    private void Forget()
    {
        foreach (var level in _mapped)
            level.Clear();
    }
}
