using Replay.Replayer.Guest;
using Replay.Replayer.Kvm;
using Replay.Replayer.Kvm.Mmu;

namespace Replay.Replayer.Hardware;

/// <summary>KVM's tables as the CPU's walk of x86-format entries sees them: NPT and shadow tables, by host-physical address.</summary>
internal struct KvmTables(TablePages pages, TableWriter writer, WalkRecorder? recorder) : IPageTables
{
    private TablePage? _page;
    private int _index;

    /// <summary>Entries read.</summary>
    public int References { get; private set; }

    /// <summary>The guest-physical page, by KVM's knowledge, that the entry read last maps at an address of the walk.</summary>
    public readonly ulong TargetGfn(ulong address) => TargetGfn(_page!, _index, address);

    /// <inheritdoc cref="TargetGfn(ulong)"/>
    public static ulong TargetGfn(TablePage page, int index, ulong address) =>
        FirstGfn(page, index) + ((address >> 12) & (PageLevels.PagesPerHugePage(page.Level) - 1));

    /// <summary>The page table that the walk came to, level 0 where to none.</summary>
    public WalkPosition PageTable { get; private set; }

    /// <summary>Entries read on the way to the page table.</summary>
    public int ReferencesToPageTable { get; private set; }

    public bool TryRead(ulong address, int size, out ulong entry)
    {
        _page = pages.At(address >> 12);
        if (_page is null)
            Invariant.Broken($"the CPU walks into host frame {address >> 12:x}, which is no table");
        _index = (int)(address >> 3 & 511);
        entry = _page[_index].Raw;
        References++;
        recorder?.OfKvm(_page.Level, address, entry);
        return true;
    }

    public readonly bool TrySetBits(uint bits)
    {
        writer.SetByHardware(_page!, _index, bits, FirstGfn(_page!, _index));
        return true;
    }

    public void ArriveAtPageTable(in WalkPosition position)
    {
        PageTable = position;
        ReferencesToPageTable = References;
    }

    /// <summary>First gfn that an entry translates, as KVM knows it; entries of special roots cover the address space in order.</summary>
    private static ulong FirstGfn(TablePage page, int index) =>
        page is ShadowPage shadowPage ? shadowPage.GfnAt(index) : (ulong)index << PageLevels.GfnShift(page.Level);
}
