using Replay.Trace;

namespace Replay.Recorder.Ftrace.Reconstruction;

/// <summary>What a trace shows that moves KVM's tables, in its order.</summary>
internal enum FactKind : byte
{
    Fault,
    Invalidate,
    Age,
    ZapAll,
    DirtyLogOn,
    DirtyLogGet,

    /// <summary>A memslot was deleted and made again, and its mappings alone went.</summary>
    SlotGone,

    /// <summary>Userspace called KVM_SET_USER_MEMORY_REGION.</summary>
    SlotCall,

    /// <summary>Table pages were taken away outside of faults.</summary>
    Zap,
    Lost,

    /// <summary>What the tables held where events had been lost.</summary>
    Earlier,
    VmEnd,
}

/// <summary>One such thing.</summary>
internal sealed class Fact
{
    public required FactKind Kind { get; set; }

    public required long Ordinal { get; set; }

    /// <summary>A system call of userspace shows it.</summary>
    public bool IsCall { get; init; }

    /// <summary>Nothing shows it but what follows.</summary>
    public bool IsInferred { get; init; }

    public byte Vcpu { get; init; }

    public ulong Gpa { get; set; }

    public AccessKind Access { get; init; }

    public bool IsWalk { get; init; }

    /// <summary>No entry was there, as the error code says.</summary>
    public bool WasNotPresent { get; init; }

    public ulong Rip { get; init; }

    public int Level { get; set; } = 1;

    public List<HostPage> Pages { get; } = [];

    /// <summary>Host-virtual ranges: of an invalidation its own, of a fault those that the host invalidated meanwhile.</summary>
    public List<(ulong Start, ulong End)> Ranges { get; } = [];

    /// <summary>Frames of leaves that were seen to go in an invalidation, or to become clean when the dirty log was read.</summary>
    public List<ulong> Zapped { get; } = [];

    /// <summary>What the tables held.</summary>
    public EarlierTables? Tables { get; init; }

    /// <summary>The host answered: kvm_mmu_spte_requested or a leaf.</summary>
    public bool IsAnswered => Pages.Count > 0;

    /// <summary>The frame is in no memslot.</summary>
    public bool IsMmio { get; set; }

    /// <summary>The entry had been write-protected, and fast_page_fault gave the right back.</summary>
    public bool WasWriteProtected { get; set; }
}
