using Replay.Replayer.Kvm.Mmu;

namespace Replay.Replayer.Kvm;

/// <summary>A range of guest-physical memory and the host memory behind it.</summary>
/// <remarks>KVM: struct kvm_memory_slot.</remarks>
public sealed class Memslot
{
    /// <param name="id">Number that userspace knows it by.</param>
    /// <param name="baseGfn">First gfn.</param>
    /// <param name="pageCount">Pages of 4 KiB.</param>
    /// <param name="hva">Host-virtual address of the first byte, counted from the start of the model's host memory.</param>
    /// <param name="readOnly">KVM_MEM_READONLY.</param>
    /// <param name="logDirty">KVM_MEM_LOG_DIRTY_PAGES.</param>
    public Memslot(int id, ulong baseGfn, ulong pageCount, ulong hva, bool readOnly = false, bool logDirty = false)
    {
        Invariant.Holds(pageCount != 0 && (hva & 0xfff) == 0, $"memslot {id} is empty or not page aligned");
        Id = id;
        BaseGfn = baseGfn;
        PageCount = pageCount;
        Hva = hva;
        ReadOnly = readOnly;
        LargePages = new LargePageInfo(baseGfn, pageCount, hva >> 12);
        Rmaps = new MemslotRmaps(baseGfn, pageCount);
        DirtyBitmap = logDirty ? new DirtyBitmap(pageCount) : null;
    }

    private Memslot(Memslot origin, bool logDirty)
    {
        Id = origin.Id;
        BaseGfn = origin.BaseGfn;
        PageCount = origin.PageCount;
        Hva = origin.Hva;
        ReadOnly = origin.ReadOnly;
        LargePages = origin.LargePages;
        Rmaps = origin.Rmaps;
        DirtyBitmap = logDirty ? origin.DirtyBitmap ?? new DirtyBitmap(PageCount) : null;
    }

    public int Id { get; }

    /// <summary>KVM's own: userspace neither sees nor changes it.</summary>
    public bool IsPrivate => Id >= PrivateMemslots.First;

    public ulong BaseGfn { get; }

    public ulong PageCount { get; }

    /// <summary>First gfn behind the slot.</summary>
    public ulong EndGfn => BaseGfn + PageCount;

    public ulong Hva { get; }

    /// <summary>Guest writes reach userspace as MMIO.</summary>
    public bool ReadOnly { get; }

    /// <summary>The slot is being deleted or moved: faults in it are retried until it is gone.</summary>
    /// <remarks>KVM: KVM_MEMSLOT_INVALID.</remarks>
    public bool IsInvalid { get; internal set; }

    /// <summary>Null while dirty logging is off.</summary>
    public DirtyBitmap? DirtyBitmap { get; }

    /// <remarks>KVM: kvm_slot_dirty_track_enabled().</remarks>
    public bool LogsDirty => DirtyBitmap is not null;

    public LargePageInfo LargePages { get; }

    /// <summary>Reverse maps and write tracking of the shadow MMU code.</summary>
    public MemslotRmaps Rmaps { get; }

    public bool Contains(ulong gfn) => gfn - BaseGfn < PageCount;

    /// <remarks>KVM: __gfn_to_hva_memslot().</remarks>
    public ulong GfnToHva(ulong gfn) => Hva + (gfn - BaseGfn << 12);

    /// <remarks>KVM: hva_to_gfn_memslot().</remarks>
    public ulong HvaToGfn(ulong hva) => BaseGfn + (hva - Hva >> 12);

    /// <summary>Sets the page's bit in the dirty bitmap, if the slot has one.</summary>
    /// <remarks>KVM: mark_page_dirty_in_slot().</remarks>
    public void MarkDirty(ulong gfn) => DirtyBitmap?.Set(gfn - BaseGfn);

    /// <summary>The slot with dirty logging switched; everything else, its metadata too, stays the same.</summary>
    /// <remarks>KVM: the KVM_MR_FLAGS_ONLY case of kvm_prepare_memory_region().</remarks>
    internal Memslot WithLogDirty(bool logDirty) => new(this, logDirty);

    public override string ToString() => $"memslot {Id} [{BaseGfn:x}, {EndGfn:x})";
}

/// <summary>What a memslot ioctl turns out to be.</summary>
/// <remarks>KVM: enum kvm_mr_change.</remarks>
public enum MemslotOperation : byte
{
    /// <summary>Nothing changes.</summary>
    None = 0,
    Create = 1,
    Delete = 2,
    Move = 3,
    FlagsOnly = 4,
}

/// <summary>How a memslot change ended.</summary>
public enum MemslotResult : byte
{
    Done = 0,

    /// <summary>EINVAL: not page aligned, wraps around, beyond what the tables can translate, or no such slot to delete.</summary>
    Invalid = 1,

    /// <summary>EEXIST: overlaps another slot.</summary>
    Overlaps = 2,

    /// <summary>The model's host has no room for so much memory (28 GiB in all).</summary>
    NoHostMemory = 3,
}

/// <summary>
/// Where a memslot may be mapped by huge pages: a count per huge frame of the reasons against it, 0 where there is none.
/// </summary>
/// <remarks>KVM: struct kvm_lpage_info, kvm_alloc_memslot_metadata().</remarks>
public sealed class LargePageInfo
{
    /// <summary>KVM_MAX_HUGEPAGE_LEVEL: 1 GiB.</summary>
    public const int MaxLevel = 3;

    private const int MinLevel = 2;

    private readonly ulong _baseGfn;
    private readonly int[][] _disallowed = new int[MaxLevel - MinLevel + 1][];

    /// <param name="baseGfn">First gfn of the slot.</param>
    /// <param name="pageCount">Pages of 4 KiB.</param>
    /// <param name="hvaPage">Number of the host-virtual page behind the first gfn.</param>
    public LargePageInfo(ulong baseGfn, ulong pageCount, ulong hvaPage)
    {
        _baseGfn = baseGfn;
        for (var level = MinLevel; level <= MaxLevel; level++)
        {
            var mask = PageLevels.PagesPerHugePage(level) - 1;
            var counts = new int[Index(baseGfn + pageCount - 1, level) + 1];
            if ((baseGfn & mask) != 0)
                counts[0] = 1;
            if ((baseGfn + pageCount & mask) != 0)
                counts[^1] = 1;
            if (((baseGfn ^ hvaPage) & mask) != 0)
                Array.Fill(counts, 1);
            _disallowed[level - MinLevel] = counts;
        }
    }

    /// <summary>Reasons against a huge page of <paramref name="level"/> (2 or 3) over the gfn.</summary>
    public int DisallowCount(ulong gfn, int level) => _disallowed[level - MinLevel][Index(gfn, level)];

    /// <summary>The gfn is shadowed as a guest page table: no huge page may cover it.</summary>
    /// <remarks>KVM: kvm_mmu_gfn_disallow_lpage().</remarks>
    public void Disallow(ulong gfn) => Update(gfn, 1);

    /// <summary>Takes one <see cref="Disallow"/> back.</summary>
    /// <remarks>KVM: kvm_mmu_gfn_allow_lpage().</remarks>
    public void Allow(ulong gfn) => Update(gfn, -1);

    private void Update(ulong gfn, int change)
    {
        for (var level = MinLevel; level <= MaxLevel; level++)
        {
            ref var count = ref _disallowed[level - MinLevel][Index(gfn, level)];
            count += change;
            Invariant.Holds(count >= 0, $"gfn {gfn:x}: huge pages of level {level} were allowed more often than disallowed");
        }
    }

    private int Index(ulong gfn, int level) => PageLevels.GfnToIndex(gfn, _baseGfn, level);
}
