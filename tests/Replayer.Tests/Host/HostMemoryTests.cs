using Replay.Replayer.Kvm;
using Replay.Replayer.Kvm.Host;
using Replay.Trace;

namespace Replay.Replayer.Tests.Host;

public sealed class HostMemoryTests
{
    private static readonly HostBacking Lazy = new() { Populated = false };
    private static readonly HostBacking LazyThp = new() { Populated = false, HugePages = true };

    private readonly Memslot _slot = new(0, 0, 0x4000, 0);
    private readonly NotifierLog _notifier = new();

    private HostMemory Memory(HostBacking backing) => new(backing) { Notifier = _notifier };

    [Fact]
    public void Populated_memory_is_there_and_writable_and_its_frames_show_the_gfn()
    {
        var memory = Memory(HostBacking.Pages4K);

        Assert.Equal(new HostPfn(HostPfnKind.Valid, HostMemory.FirstPfn + 0x123, true), memory.GfnToPfn(_slot, 0x123, writeFault: false));
        Assert.Equal(1, memory.MappingLevel(_slot, 0x123));
        Assert.Empty(_notifier.Calls);
    }

    [Theory]
    [InlineData(false, false, false)]
    [InlineData(false, true, true)]
    [InlineData(true, false, true)]
    public void A_page_that_a_trace_showed_has_the_frame_and_the_rights_that_it_showed(bool writable, bool writeFault, bool mapsWritable)
    {
        var memory = Memory(new HostBacking { Recorded = true });
        memory.Recorded!.Take(new HostAnswer { Pages = [new HostPage(0x123, 0x7777, writable)] });
        Assert.Equal(new HostPfn(HostPfnKind.Valid, 0x7777, mapsWritable), memory.GfnToPfn(_slot, 0x123, writeFault));
        var rom = new Memslot(1, 0, 0x4000, 0, readOnly: true);
        Assert.Equal(new HostPfn(HostPfnKind.Valid, 0x7777, false), memory.GfnToPfn(rom, 0x123, writeFault: false));
    }

    [Fact]
    public void What_a_trace_showed_of_a_huge_page_goes_with_any_part_of_it()
    {
        var pages = new RecordedPages();
        pages.Take(new HostAnswer { Level = 2, Pages = [new HostPage(0x400, 0x8000, true)] });
        pages.Settle();
        pages.Take(new HostAnswer { Level = 1, Pages = [new HostPage(0x900, 0x9000, false)] });
        pages.Settle();
        Assert.Equal((2, 1, 1), (pages.Level(0x5ff), pages.Level(0x900), pages.Level(0x901)));
        Assert.True(pages.TryGet(0x5ff, out var pfn, out var writable));
        Assert.Equal((0x81ffUL, true), (pfn, writable));
        pages.Forget(0x600, 0x601);
        Assert.True(pages.TryGet(0x5ff, out _, out _));
        pages.Forget(0x5fe, 0x5ff);
        Assert.False(pages.TryGet(0x400, out _, out _));
        Assert.True(pages.TryGet(0x900, out _, out _));
        pages.Forget(0x8ff, 0x901);
        Assert.False(pages.TryGet(0x900, out _, out _));
    }

    [Fact]
    public void Userspace_writes_the_pages_of_a_program_and_no_other()
    {
        var memory = Memory(Lazy);
        memory.Populate(0x5000, 0x1000);
        Assert.Equal((false, true, false), (IsThere(4), IsThere(5), IsThere(6)));

        bool IsThere(ulong gfn) => memory.TryGetFrame(_slot, gfn, out _);
    }

    [Fact]
    public void A_gfn_without_a_slot_or_in_a_slot_on_its_way_out_has_no_frame()
    {
        var memory = Memory(HostBacking.Pages4K);
        var leaving = new Memslot(1, 0x8000, 1, 0x800_0000) { IsInvalid = true };

        Assert.Equal(HostPfnKind.NoSlot, memory.GfnToPfn(null, 0x9000, writeFault: false).Kind);
        Assert.Equal(HostPfnKind.NoSlot, memory.GfnToPfn(leaving, 0x8000, writeFault: false).Kind);
    }

    [Fact]
    public void A_read_only_slot_gives_read_only_frames_and_refuses_writes()
    {
        var memory = Memory(HostBacking.Pages4K);
        var rom = new Memslot(1, 0xc0, 0x40, 0xc0000, readOnly: true);

        Assert.Equal(new HostPfn(HostPfnKind.Valid, HostMemory.FirstPfn + 0xc0, false), memory.GfnToPfn(rom, 0xc0, writeFault: false));
        Assert.Equal(HostPfnKind.ReadOnlyFault, memory.GfnToPfn(rom, 0xc0, writeFault: true).Kind);
        Assert.Equal(-1, memory.GfnToPagesAtomic(rom, 0xc0, new ulong[1]));
    }

    [Fact]
    public void A_read_of_untouched_memory_maps_the_zero_page_and_the_first_write_copies_it_through_the_notifier()
    {
        var memory = Memory(Lazy);

        Assert.Equal(new HostPfn(HostPfnKind.Valid, HostMemory.ZeroPagePfn, false), memory.GfnToPfn(_slot, 0x802, writeFault: false));
        Assert.Empty(_notifier.Calls);

        Assert.Equal(new HostPfn(HostPfnKind.Valid, HostMemory.FirstPfn + 0x802, true), memory.GfnToPfn(_slot, 0x802, writeFault: true));
        Assert.Equal(["start 802000-803000", "change 802000 writable", "end 802000-803000"], _notifier.Calls);
    }

    [Fact]
    public void A_write_to_untouched_memory_needs_no_notifier()
    {
        var memory = Memory(Lazy);

        Assert.True(memory.GfnToPfn(_slot, 0x802, writeFault: true).MapWritable);
        Assert.True(memory.GfnToPfn(_slot, 0x802, writeFault: false).MapWritable);
        Assert.Empty(_notifier.Calls);
    }

    [Fact]
    public void Frames_are_had_without_faulting_only_while_they_are_present_and_writable()
    {
        var memory = Memory(Lazy);
        memory.GfnToPfn(_slot, 0x10, writeFault: true);
        memory.GfnToPfn(_slot, 0x11, writeFault: true);
        memory.GfnToPfn(_slot, 0x12, writeFault: false);
        var pfns = new ulong[4];

        Assert.Equal(2, memory.GfnToPagesAtomic(_slot, 0x10, pfns));
        Assert.Equal([HostMemory.FirstPfn + 0x10, HostMemory.FirstPfn + 0x11], pfns[..2]);
        Assert.Equal(0, memory.GfnToPagesAtomic(_slot, 0x12, pfns));
    }

    [Fact]
    public void A_batch_that_leaves_the_slot_yields_nothing()
    {
        var memory = Memory(HostBacking.Pages4K);

        Assert.Equal(0, memory.GfnToPagesAtomic(_slot, 0x3ffc, new ulong[8]));
        Assert.Equal(4, memory.GfnToPagesAtomic(_slot, 0x3ffc, new ulong[4]));
    }

    [Fact]
    public void Transparent_huge_pages_are_mapped_at_level_2()
    {
        Assert.Equal(2, Memory(HostBacking.Thp).MappingLevel(_slot, 0x333));
    }

    [Fact]
    public void Untouched_huge_memory_is_mapped_at_level_1_until_a_page_is_in()
    {
        var memory = Memory(LazyThp);
        Assert.Equal(1, memory.MappingLevel(_slot, 0x200));

        memory.GfnToPfn(_slot, 0x234, writeFault: true);

        Assert.Equal(2, memory.MappingLevel(_slot, 0x200));
        Assert.True(memory.GfnToPfn(_slot, 0x3ff, writeFault: false).MapWritable);
        Assert.Equal(1, memory.MappingLevel(_slot, 0x400));
    }

    [Fact]
    public void The_huge_zero_page_is_split_by_the_first_write_and_one_page_of_it_copied()
    {
        var memory = Memory(LazyThp);
        Assert.Equal(new HostPfn(HostPfnKind.Valid, HostMemory.HugeZeroPagePfn + 0x34, false), memory.GfnToPfn(_slot, 0x234, writeFault: false));
        Assert.Equal(2, memory.MappingLevel(_slot, 0x234));

        Assert.Equal(new HostPfn(HostPfnKind.Valid, HostMemory.FirstPfn + 0x234, true), memory.GfnToPfn(_slot, 0x234, writeFault: true));

        Assert.Equal(
            ["start 200000-400000", "end 200000-400000", "start 234000-235000", "change 234000 writable", "end 234000-235000"],
            _notifier.Calls);
        Assert.Equal(1, memory.MappingLevel(_slot, 0x234));
        Assert.Equal(HostMemory.ZeroPagePfn, memory.GfnToPfn(_slot, 0x235, writeFault: false).Pfn);
    }

    [Fact]
    public void Memory_protected_by_the_host_is_read_only_and_a_write_to_it_is_an_error()
    {
        var memory = Memory(HostBacking.Pages4K);
        memory.Protect(0, 0x4000UL << 12, writable: false);

        Assert.False(memory.GfnToPfn(_slot, 0x100, writeFault: false).MapWritable);
        Assert.Equal(HostPfnKind.Fault, memory.GfnToPfn(_slot, 0x100, writeFault: true).Kind);

        memory.Protect(0, 0x4000UL << 12, writable: true);
        Assert.True(memory.GfnToPfn(_slot, 0x100, writeFault: false).MapWritable);
    }

    [Fact]
    public void A_huge_page_gets_its_write_permission_back_only_by_a_write()
    {
        var memory = Memory(HostBacking.Thp);
        memory.Protect(0, 0x4000UL << 12, writable: false);
        memory.Protect(0, 0x4000UL << 12, writable: true);

        Assert.Equal(2, memory.MappingLevel(_slot, 0x200));
        Assert.False(memory.GfnToPfn(_slot, 0x200, writeFault: false).MapWritable);
        Assert.True(memory.GfnToPfn(_slot, 0x210, writeFault: true).MapWritable);
        Assert.True(memory.GfnToPfn(_slot, 0x200, writeFault: false).MapWritable);
        Assert.Empty(_notifier.Calls);
    }

    [Fact]
    public void Protecting_a_part_of_a_huge_page_splits_it()
    {
        var memory = Memory(HostBacking.Thp);
        memory.Protect(0x201000, 0x1000, writable: false);

        Assert.Equal(["start 200000-400000", "end 200000-400000"], _notifier.Calls);
        Assert.Equal(1, memory.MappingLevel(_slot, 0x200));
        Assert.Equal(2, memory.MappingLevel(_slot, 0x400));
        Assert.True(memory.GfnToPfn(_slot, 0x200, writeFault: false).MapWritable);
        Assert.False(memory.GfnToPfn(_slot, 0x201, writeFault: false).MapWritable);
    }

    [Fact]
    public void A_shared_frame_is_read_only_and_a_write_copies_it_back_to_the_pages_own_frame()
    {
        var memory = Memory(HostBacking.Pages4K);
        var shared = memory.Share(0x123000);

        Assert.Equal(new HostPfn(HostPfnKind.Valid, shared, false), memory.GfnToPfn(_slot, 0x123, writeFault: false));
        Assert.Equal(new HostPfn(HostPfnKind.Valid, HostMemory.FirstPfn + 0x123, true), memory.GfnToPfn(_slot, 0x123, writeFault: true));
        Assert.Equal(["start 123000-124000", "change 123000 writable", "end 123000-124000"], _notifier.Calls);
        Assert.NotEqual(shared, memory.Share(0x123000));
    }

    [Fact]
    public void Looking_without_touching_finds_what_is_there_and_brings_nothing_in()
    {
        var memory = Memory(Lazy);
        Assert.False(memory.TryGetFrame(_slot, 0x10, out _));
        Assert.False(memory.TryGetFrame(_slot, 0x10, out _));

        memory.GfnToPfn(_slot, 0x10, writeFault: false);
        Assert.True(memory.TryGetFrame(_slot, 0x10, out var zero));
        Assert.Equal(HostMemory.ZeroPagePfn, zero);

        memory.GfnToPfn(_slot, 0x10, writeFault: true);
        Assert.True(memory.TryGetFrame(_slot, 0x10, out var own));
        Assert.Equal(HostMemory.FirstPfn + 0x10, own);
    }

    private sealed class NotifierLog : IMmuNotifier
    {
        public List<string> Calls { get; } = [];

        public void InvalidateRangeStart(ulong start, ulong end) => Calls.Add($"start {start:x}-{end:x}");

        public void InvalidateRangeEnd(ulong start, ulong end) => Calls.Add($"end {start:x}-{end:x}");

        public void ChangePte(ulong hva, ulong newPfn, bool writable) => Calls.Add($"change {hva:x} {(writable ? "writable" : "read-only")}");
    }
}
