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

    /// <summary>What <see cref="Generation"/> says where the kernel has no generations of pages.</summary>
    public const byte NoGeneration = byte.MaxValue;

    /// <summary>mmu_valid_gen of the page.</summary>
    public byte Generation { get; init; }

    /// <summary>1: belongs to the TDP MMU.</summary>
    public byte IsTdp { get; init; }

    /// <summary>1: a special root (pae_root, pml4_root, pml5_root) that is no kvm_mmu_page.</summary>
    public byte IsSpecial { get; init; }

    /// <summary>1: unsync.</summary>
    public byte Unsync { get; init; }

    /// <summary>Whose translations the page holds.</summary>
    public GuestContext Context { get; init; }

    /// <summary>Bytes behind those that are hashed.</summary>
    internal const int NotHashed = sizeof(GuestContext);
}

/// <summary>What happens to a table page besides writes to its entries.</summary>
public enum PageOperation : byte
{
    /// <summary>Allocated and zeroed: kvm_mmu_get_page with created=1.</summary>
    Create = 1,

    /// <summary>Found in the page cache: kvm_mmu_get_page with created=0.</summary>
    Find = 2,

    /// <summary>kvm_mmu_prepare_zap_page.</summary>
    Zap = 3,

    /// <summary>kvm_mmu_sync_page: leaves the unsync state.</summary>
    Sync = 4,

    /// <summary>kvm_mmu_unsync_page.</summary>
    Unsync = 5,

    /// <summary>The host page goes back to the host.</summary>
    Free = 6,
}

/// <summary>One change of a reverse map or of a page's list of parents.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
public readonly record struct RmapRecord
{
    public long Seq { get; init; }

    public long Ordinal { get; init; }

    /// <summary>The gfn whose list changed; for parents the gfn of the child page.</summary>
    public ulong Gfn { get; init; }

    /// <summary>Table that holds the entry.</summary>
    public int TableId { get; init; }

    /// <summary>For parents: the child page. Otherwise 0.</summary>
    public int ChildId { get; init; }

    public int FaultId { get; init; }

    public int ChainId { get; init; }

    public ushort Index { get; init; }

    public RmapOperation Operation { get; init; }

    /// <summary>Level of the entry.</summary>
    public byte Level { get; init; }
}

/// <summary>A change of KVM's reverse maps, which write no table entry.</summary>
public enum RmapOperation : byte
{
    /// <summary>rmap_add: the gfn's list gained an entry.</summary>
    Add = 1,

    /// <summary>pte_list_remove from a gfn's list.</summary>
    Remove = 2,

    /// <summary>mmu_page_add_parent_pte.</summary>
    AddParent = 3,

    /// <summary>mmu_page_remove_parent_pte.</summary>
    RemoveParent = 4,
}

/// <summary>A root was allocated, loaded into the CPU, cached or freed.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
public readonly record struct RootRecord
{
    public long Seq { get; init; }

    public long Ordinal { get; init; }

    /// <summary>The register that names the root: EPTP, nCR3 or CR3; on allocation of shadow roots the guest's CR3, of one of four direct PAE roots its gpa.</summary>
    public ulong Value { get; init; }

    public int TableId { get; init; }

    public int ExitId { get; init; }

    public int ChainId { get; init; }

    public RootOperation Operation { get; init; }

    public byte Vcpu { get; init; }

    /// <summary>What the vCPU ran; whose the root is, its page tells.</summary>
    public GuestContext Context { get; init; }

    /// <summary>Bytes behind those that are hashed.</summary>
    internal const int NotHashed = sizeof(GuestContext);
}

/// <summary>What happens to the root of a table tree.</summary>
public enum RootOperation : byte
{
    /// <summary>mmu_alloc_root or kvm_tdp_mmu_get_vcpu_root_hpa returned it.</summary>
    Allocate = 1,

    /// <summary>Loaded into the CPU: value is the EPTP, nCR3 or CR3.</summary>
    Load = 2,

    /// <summary>kvm_mmu_free_roots dropped a vCPU's reference.</summary>
    Free = 3,

    /// <summary>Became a previous root, kept for a fast switch back.</summary>
    Cache = 4,

    /// <summary>A previous root became current again without a reload.</summary>
    FastSwitch = 5,

    /// <summary>kvm_mmu_zap_all_fast made every root obsolete; no table, value is the generation that ends.</summary>
    ObsoleteAll = 6,
}
