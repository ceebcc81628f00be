using Replay.Trace;

namespace Replay.Replayer.Hardware;

/// <summary>Whose table an entry is of.</summary>
public enum WalkDimension : byte
{
    /// <summary>The guest's own tables.</summary>
    Guest = 0,

    /// <summary>KVM's: EPT, NPT or shadow tables.</summary>
    Kvm = 1,
}

/// <summary>An entry that a page walk read.</summary>
/// <param name="Dimension">Whose table it is of.</param>
/// <param name="Level">Level of that table: 1 (PT) to 5.</param>
/// <param name="Of">Of KVM's: the level of the guest's entry that is being found, 0: the page itself. Of the guest's: its own level.</param>
/// <param name="Address">Where it is, host-physical.</param>
/// <param name="Gpa">Of the guest's: where it is, guest-physical; else 0.</param>
/// <param name="Entry">Its bits as they were read.</param>
public readonly record struct WalkReference(WalkDimension Dimension, int Level, int Of, ulong Address, ulong Gpa, ulong Entry);

/// <summary>A page walk that was made in full: of an access that missed the TLB whose misses are counted.</summary>
/// <param name="Ordinal">The access's place in the capture.</param>
/// <param name="Vcpu">Whose.</param>
/// <param name="Gva">What was translated.</param>
/// <param name="Kind">For what.</param>
/// <param name="Hpa">Where it led.</param>
public readonly record struct CompletedWalk(long Ordinal, byte Vcpu, ulong Gva, AccessKind Kind, ulong Hpa);

/// <summary>Is told every completed page walk with every entry that it read, in order.</summary>
public interface IWalkObserver
{
    void Walked(in CompletedWalk walk, ReadOnlySpan<WalkReference> references);
}

/// <summary>
/// Notes the entries of the walk that is being made. Where one is set, nothing spares walks or parts of them: each is made in full, and reads
/// as many entries as are counted for it.
/// </summary>
internal sealed class WalkRecorder(IWalkObserver observer)
{
    /// <summary>Five levels of the guest's over five of KVM's, the page itself, and what setting bits takes.</summary>
    private readonly WalkReference[] _references = new WalkReference[96];
    private int _count;
    private int _level;
    private int _of;

    /// <summary>An access is translated anew.</summary>
    /// <param name="level">Of the guest's first table; 0: the guest's tables are not walked.</param>
    public void Begin(int level)
    {
        _count = 0;
        _level = level;
        _of = level;
    }

    /// <summary>From here on the page itself is found.</summary>
    public void FindPage() => _of = 0;

    /// <summary>Before KVM's tables are walked for the guest's next entry.</summary>
    public void FindEntry() => _of = _level;

    public void OfGuest(ulong hpa, ulong gpa, ulong entry)
    {
        Add(new WalkReference(WalkDimension.Guest, _level, _level, hpa, gpa, entry));
        _level--;
    }

    public void OfKvm(int level, ulong hpa, ulong entry) => Add(new WalkReference(WalkDimension.Kvm, level, _of, hpa, 0, entry));

    /// <summary>The access reached memory.</summary>
    public void Complete(in CompletedWalk walk, in Translation translation)
    {
        if (_count != translation.GuestReferences + translation.KvmReferences)
            Invariant.Broken($"the walk for {walk.Gva:x} at {walk.Ordinal} read {_count} entries, and {translation.GuestReferences} + {translation.KvmReferences} are counted for it");
        observer.Walked(walk, _references.AsSpan(0, _count));
    }

    private void Add(in WalkReference reference)
    {
        if (_count == _references.Length)
            Invariant.Broken("a page walk reads more entries than there can be");
        _references[_count++] = reference;
    }
}
