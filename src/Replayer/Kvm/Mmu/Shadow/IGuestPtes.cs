using Replay.Replayer.History;

namespace Replay.Replayer.Kvm.Mmu.Shadow;

/// <summary>The two sizes of guest page-table entries, given to the shadow code as a type argument.</summary>
/// <remarks>KVM: the PTTYPE of paging_tmpl.h.</remarks>
internal interface IGuestPtes
{
    /// <summary>Bytes of an entry.</summary>
    static abstract int EntrySize { get; }

    /// <summary>Address bits that one level translates.</summary>
    static abstract int LevelBits { get; }

    /// <summary>The bit that forbids execution; 0 where entries have none.</summary>
    static abstract ulong NxMask { get; }

    /// <summary>The gfn that the entry holds, without what the address adds below its level.</summary>
    static abstract ulong Gfn(ulong gpte, int level);

    /// <summary>The entry ends the walk.</summary>
    /// <remarks>KVM: FNAME(is_last_gpte)().</remarks>
    static abstract bool IsLast(ulong gpte, int level, in CpuRole role);

    static abstract KvmFunction PageFaultFunction { get; }

    static abstract KvmFunction FetchFunction { get; }

    static abstract KvmFunction WalkFunction { get; }

    static abstract KvmFunction PrefetchFunction { get; }

    static abstract KvmFunction SyncFunction { get; }

    static abstract KvmFunction SyncSpteFunction { get; }

    static abstract KvmFunction InvlpgFunction { get; }
}
