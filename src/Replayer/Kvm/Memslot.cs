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
