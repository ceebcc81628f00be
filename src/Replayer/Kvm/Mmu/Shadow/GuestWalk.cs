namespace Replay.Replayer.Kvm.Mmu.Shadow;

/// <summary>What KVM's own walk through the guest's tables found. Levels count from 1; index 0 of the arrays is not used.</summary>
/// <remarks>KVM: struct guest_walker.</remarks>
internal sealed class GuestWalk
{
    private const int Levels = PgLevel.Root5 + 1;

    /// <summary>Level of the leaf.</summary>
    public int Level { get; set; }

    /// <summary>Level of the topmost entry read from memory.</summary>
    public int MaxLevel { get; set; }

    public ulong[] TableGfns { get; } = new ulong[Levels];

    /// <summary>The entries as they are in memory after the walk.</summary>
    public ulong[] Ptes { get; } = new ulong[Levels];

    public ulong[] PteGpas { get; } = new ulong[Levels];

    public bool[] PteWritable { get; } = new bool[Levels];

    /// <summary>Rights given by the levels above.</summary>
    public PteAccess[] PtAccess { get; } = new PteAccess[Levels];

    /// <summary>The eight entries around the leaf, read again when its table is shadowed.</summary>
    public ulong[] PrefetchPtes { get; } = new ulong[DirectPrefetch.Count];

    /// <summary>Raw rights of everything that was read, where the form of the tables tells them to whoever gets the fault.</summary>
    public ulong Rights { get; set; }

    /// <summary>Rights of the leaf and everything above it.</summary>
    public PteAccess PteAccess { get; set; }

    /// <summary>The gfn that the address leads to.</summary>
    public ulong Gfn { get; set; }

    /// <summary>Where the walk failed: the fault.</summary>
    public WalkFault Fault { get; set; }
}

/// <summary>How a walk of KVM's through a guest's tables failed.</summary>
/// <param name="Address">The address that has no translation: of a nested guest's, its guest-physical one if <paramref name="IsNested"/>.</param>
/// <param name="ErrorCode">The guest's error code.</param>
/// <param name="IsNested">The tables that failed are those that a hypervisor made for its guest: the fault is the hypervisor's.</param>
/// <remarks>KVM: struct x86_exception.</remarks>
internal readonly record struct WalkFault(ulong Address, uint ErrorCode, bool IsNested)
{
    /// <summary>What was asked and what all entries on the way allowed, bits 5 to 0 of an exit qualification; only of extended page tables.</summary>
    public ulong Qualification { get; init; }
}
