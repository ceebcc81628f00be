using System.Runtime.InteropServices;

namespace Replay.Replayer.History;

/// <summary>Something happened to a table page: created, found, zapped, synced, unsynced, freed.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
public readonly record struct TablePageRecord
{
    public long Seq { get; init; }

    public long Ordinal { get; init; }

    /// <summary>First gfn the page translates (direct) or the gfn of the guest table it shadows.</summary>
    public ulong Gfn { get; init; }

    /// <summary>Host frame of the table page.</summary>
    public ulong Pfn { get; init; }

    /// <summary>Number of the page, from 1 in order of creation; never reused.</summary>
    public int TableId { get; init; }

    public int FaultId { get; init; }

    public int ExitId { get; init; }

    public int ChainId { get; init; }

    /// <summary>KVM's role word (<see cref="Kvm.Mmu.PageRole"/>).</summary>
    public uint Role { get; init; }

    public int RootCount { get; init; }

    public PageOperation Operation { get; init; }

    /// <summary>Level, 1 to 5.</summary>
    public byte Level { get; init; }

    public byte Vcpu { get; init; }

    /// <summary>mmu_valid_gen of the page.</summary>
    public byte Generation { get; init; }

    /// <summary>1: belongs to the TDP MMU.</summary>
    public byte IsTdp { get; init; }

    /// <summary>1: a special root (pae_root, pml4_root, pml5_root) that is no kvm_mmu_page.</summary>
    public byte IsSpecial { get; init; }

    /// <summary>1: unsync.</summary>
    public byte Unsync { get; init; }
}
