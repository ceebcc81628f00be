using Replay.Replayer.Hardware;

namespace Replay.Replayer.Tests.Hardware;

public sealed class SoftwareTlbTests
{
    [Fact]
    public void An_empty_TLB_knows_no_page_not_even_page_0()
    {
        var tlb = new SoftwareTlb();
        for (var i = 0; i < 200; i++)
        {
            for (var kindAndFlags = 0u; kindAndFlags < 64; kindAndFlags++)
                Assert.False(Knows(tlb, 0, kindAndFlags, out _));
            tlb.Flush();
        }
    }

    [Fact]
    public void What_was_filled_is_found_until_the_next_flush_and_never_again()
    {
        var tlb = new SoftwareTlb();
        tlb.Fill(0xffff_8000_0000_1234, 5, 0x7777);
        Assert.True(Knows(tlb, 0xffff_8000_0000_1000, 5, out var gpa));
        Assert.Equal(0x7000UL, gpa);

        for (var i = 0; i < 1000; i++)
        {
            tlb.Flush();
            Assert.False(Knows(tlb, 0xffff_8000_0000_1000, 5, out _));
        }
    }

    [Fact]
    public void Entries_filled_in_any_generation_are_gone_when_its_number_comes_round_again()
    {
        var tlb = new SoftwareTlb();
        for (var i = 0; i < 130; i++)
        {
            var gva = (ulong)i << 12;
            tlb.Fill(gva, 0, gva);
            tlb.Flush();
            for (var earlier = 0; earlier <= i; earlier++)
                Assert.False(Knows(tlb, (ulong)earlier << 12, 0, out _));
        }
    }

    [Theory]
    [InlineData(0x1000UL, 0x1000_1000UL)]
    [InlineData(0x1000UL, 0xffff_8000_0000_1000UL)]
    [InlineData(0x1000UL, 0x8000_0000_0000_1000UL)]
    public void Pages_that_share_a_slot_are_told_apart_by_all_their_bits(ulong one, ulong other)
    {
        Assert.Equal(SoftwareTlb.Slot(one, 0), SoftwareTlb.Slot(other, 0));
        var tlb = new SoftwareTlb();

        tlb.Fill(one, 0, 0);

        Assert.True(Knows(tlb, one, 0, out _));
        Assert.False(Knows(tlb, other, 0, out _));
    }

    [Fact]
    public void Kind_and_flags_are_told_apart_also_where_a_capture_holds_nonsense()
    {
        Assert.Equal(63u, SoftwareTlb.KindAndFlags(255, 255));
        var seen = new HashSet<ulong>();
        for (byte kind = 0; kind < 3; kind++)
        {
            for (byte flags = 0; flags < 16; flags++)
                Assert.True(seen.Add(SoftwareTlb.Key(0x1000, SoftwareTlb.KindAndFlags(kind, flags), 1 << 6)));
        }
    }

    private static bool Knows(SoftwareTlb tlb, ulong gva, uint kindAndFlags, out ulong gpa)
    {
        ref var entry = ref System.Runtime.CompilerServices.Unsafe.Add(ref tlb.First, SoftwareTlb.Slot(gva, kindAndFlags));
        gpa = entry.Gpa;
        return entry.Key == SoftwareTlb.Key(gva, kindAndFlags, tlb.Generation);
    }
}
