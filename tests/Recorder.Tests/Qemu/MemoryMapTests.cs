using Replay.Recorder.Qemu;

namespace Replay.Recorder.Tests.Qemu;

public class MemoryMapTests
{
    private const string Monitor = """
        FlatView #0
         AS "VGA", root: bus master container
         Root memory region: (none)
          No rendered FlatView

        FlatView #1
         AS "memory", root: system
         AS "cpu-memory-0", root: system
         Root memory region: system
          0000000000000000-000000000009ffff (prio 0, ram): ram0
          00000000000a0000-00000000000bffff (prio 1, i/o): vga-lowmem
          00000000000c0000-00000000000cbfff (prio 0, rom): ram0 @00000000000c0000
          00000000000cc000-00000000000cdfff (prio 0, rom): ram0 @00000000000cc000
          0000000000100000-00000000bfffffff (prio 0, ram): ram0 @0000000000100000
          00000000fd000000-00000000fdffffff (prio 1, ram): vga.vram
          00000000fee00000-00000000feefffff (prio 4096, i/o): apic-msi
          00000000fffc0000-00000000ffffffff (prio 0, rom): pc.bios
          0000000100000000-000000013fffffff (prio 0, ram): ram0 @00000000c0000000

        FlatView #2
         AS "I/O", root: io
          0000000000000000-0000000000000007 (prio 0, ram): not memory

        """;

    [Fact]
    public void The_flat_view_of_the_system_is_read_and_joined_where_contiguous()
    {
        var regions = FlatView.Parse(Monitor);

        Assert.Equal(
            [
                new FlatRegion(0, 0xa0000, false, "ram0", 0),
                new FlatRegion(0xc0000, 0xe000, true, "ram0", 0xc0000),
                new FlatRegion(0x100000, 0xbff00000, false, "ram0", 0x100000),
                new FlatRegion(0xfd000000, 0x1000000, false, "vga.vram", 0),
                new FlatRegion(0xfffc0000, 0x40000, true, "pc.bios", 0),
                new FlatRegion(0x100000000, 0x40000000, false, "ram0", 0xc0000000),
            ],
            regions);
    }

    [Fact]
    public void The_monitors_line_ends_do_not_matter()
        => Assert.Equal(FlatView.Parse(Monitor), FlatView.Parse(Monitor.Replace("\n", "\r\n", StringComparison.Ordinal)));

    [Fact]
    public void A_text_without_the_system_view_is_refused() => Assert.Throws<FormatException>(static () => FlatView.Parse("FlatView #0\n"));

    [Fact]
    public void Memory_above_4_GiB_lies_in_its_huge_frame_as_its_backing_does()
    {
        var map = new MemoryMap("ram0");
        var slots = map.Update(FlatView.Parse(Monitor));

        var high = slots.Single(static slot => slot.Gpa == 0x100000000);
        Assert.Equal((0xc0000000UL, WireFormat.MemslotGuestRam), (high.RamOffset, high.Flags));
        Assert.Equal(0UL, map.Describe((int)high.Slot, high.Gpa, high.Bytes).HvaOffset);
        Assert.Equal("vga.vram", map.Describe(3, 0xfd000000, 0x1000000).Name);
    }

    [Fact]
    public void A_change_deletes_the_old_slot_first_and_uses_its_number_again()
    {
        var map = new MemoryMap("ram0");
        var before = FlatView.Parse(Monitor);
        map.Update(before);
        var writable = before.Select(static region => region.Gpa == 0xc0000 ? region with { ReadOnly = false } : region);

        var changes = map.Update(writable);

        Assert.Equal(
            [
                new WireMemslot(0xc0000, 0, 0xc0000, 0, 1, WireFormat.MemslotReadOnly | WireFormat.MemslotGuestRam),
                new WireMemslot(0xc0000, 0xe000, 0xc0000, 0, 1, WireFormat.MemslotGuestRam),
            ],
            changes);
        Assert.Empty(map.Update(writable));
    }

    [Fact]
    public void Parts_of_pages_are_left_out_as_KVM_takes_whole_ones()
    {
        var changes = new MemoryMap("ram0").Update([new FlatRegion(0x1800, 0x2000, false, "ram0", 0x800), new FlatRegion(0x9000, 0x800, false, "ram0", 0)]);

        Assert.Equal([new WireMemslot(0x2000, 0x1000, 0x1000, 0, 0, WireFormat.MemslotGuestRam)], changes);
    }

    [Fact]
    public void Other_RAM_is_where_QEMU_says_its_block_is()
    {
        const string blocks = """
                          Block Name    PSize              Offset               Used              Total                HVA  RO
                                  m1    4 KiB  0x0000000004000000 0x0000000008000000 0x0000000008000000 0x00007f6d07c00000  rw
                0000:00:02.0/vga.vram    4 KiB  0x000000000c080000 0x0000000001000000 0x0000000001000000 0x00007f6d59400000  rw
                         twice/a.ram    4 KiB  0x0000000000000000 0x0000000004000000 0x0000000004000000 0x00007f6d0ffff000  rw
                         again/a.ram    4 KiB  0x0000000000000000 0x0000000004000000 0x0000000004000000 0x00007f6d1ffff000  rw
            """;

        var found = FlatView.ParseBlocks(blocks);
        var changes = new MemoryMap("ram").Update([new FlatRegion(0x1_0000_0000, 0x2000, false, "m1", 0x1000), new FlatRegion(0x2_0000_0000, 0x1000, false, "a.ram", 0)], found);

        Assert.Equal(0x7f6d_5940_0000UL, found["vga.vram"]);
        Assert.Equal([0x7f6d_07c0_1000UL, 0UL], changes.Select(static change => change.Host));
    }
}
