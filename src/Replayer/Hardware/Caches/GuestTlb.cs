using System.Runtime.CompilerServices;

namespace Replay.Replayer.Hardware;

/// <summary>
/// The TLB whose misses are counted: 4096 entries of 4 KiB, direct-mapped, emptied by the guest's own flushes and nothing else. What KVM does
/// never empties it, so the same capture misses at the same accesses in every mode, and modes differ only in what a miss costs.
/// </summary>
/// <remarks>
/// It is looked at only where the <see cref="SoftwareTlb"/> misses, which costs the fast path nothing. That is exact because whatever the
/// software TLB holds is held here too: a flush empties both, and an entry replaced here is dropped there. Global pages are flushed with the rest.
/// </remarks>
internal sealed class GuestTlb(SoftwareTlb software, WalkCounts walks)
{
    private const int KindsAndFlags = 64;

    private readonly SoftwareTlb _entries = new();

    /// <summary>True where the access misses; it is then held.</summary>
    public bool TakeMiss(ulong gva, byte kind, byte flags)
    {
        var kindAndFlags = SoftwareTlb.KindAndFlags(kind, flags);
        var slot = SoftwareTlb.Slot(gva, kindAndFlags);
        if (Unsafe.Add(ref _entries.First, slot).Key == SoftwareTlb.Key(gva, kindAndFlags, _entries.Generation))
            return false;
        _entries.Fill(gva, kindAndFlags, 0);
        Unsafe.Add(ref software.First, slot).Key = 0;
        return true;
    }

    public void CountWalk(long ordinal, in Translation translation) => walks.Count(ordinal, translation.GuestReferences, translation.KvmReferences);

    /// <summary>The guest flushes everything.</summary>
    public void Flush()
    {
        _entries.Flush();
        software.Flush();
    }

    /// <summary>The guest flushes one page.</summary>
    public void Flush(ulong gva)
    {
        for (var kindAndFlags = 0u; kindAndFlags < KindsAndFlags; kindAndFlags++)
        {
            var slot = SoftwareTlb.Slot(gva, kindAndFlags);
            if (Unsafe.Add(ref _entries.First, slot).Key != SoftwareTlb.Key(gva, kindAndFlags, _entries.Generation))
                continue;
            Unsafe.Add(ref _entries.First, slot).Key = 0;
            Unsafe.Add(ref software.First, slot).Key = 0;
        }
    }
}
