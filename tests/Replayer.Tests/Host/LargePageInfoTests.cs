using Replay.Replayer.Kvm;

namespace Replay.Replayer.Tests.Host;

public sealed class LargePageInfoTests
{
    [Fact]
    public void An_aligned_slot_can_be_mapped_huge_everywhere()
    {
        var info = new LargePageInfo(0, 0x4_0000, 0);

        Assert.Equal(0, info.DisallowCount(0, 2));
        Assert.Equal(0, info.DisallowCount(0x3_ffff, 2));
        Assert.Equal(0, info.DisallowCount(0x3_ffff, 3));
    }

    [Fact]
    public void A_head_that_starts_inside_a_huge_frame_disallows_that_frame_only()
    {
        var info = new LargePageInfo(0x100, 0x1000 - 0x100, 0x100);

        Assert.Equal(1, info.DisallowCount(0x100, 2));
        Assert.Equal(1, info.DisallowCount(0x1ff, 2));
        Assert.Equal(0, info.DisallowCount(0x200, 2));
        Assert.Equal(0, info.DisallowCount(0xfff, 2));
    }

    [Fact]
    public void A_tail_that_ends_inside_a_huge_frame_disallows_that_frame_only()
    {
        var info = new LargePageInfo(0, 0x4001, 0);

        Assert.Equal(0, info.DisallowCount(0x3fff, 2));
        Assert.Equal(1, info.DisallowCount(0x4000, 2));
        Assert.Equal(1, info.DisallowCount(0x4000, 3));
    }

    [Fact]
    public void A_slot_of_64_MiB_has_no_1_GiB_page()
    {
        var info = new LargePageInfo(0, 0x4000, 0);

        Assert.Equal(1, info.DisallowCount(0x1234, 3));
        Assert.Equal(0, info.DisallowCount(0x1234, 2));
    }

    [Fact]
    public void A_host_address_that_is_not_congruent_disallows_the_whole_slot()
    {
        var info = new LargePageInfo(0, 0x8_0000, 0x200);

        Assert.Equal(0, info.DisallowCount(0x7_0000, 2));
        Assert.Equal(1, info.DisallowCount(0x7_0000, 3));

        info = new LargePageInfo(0, 0x8_0000, 0x201);
        Assert.Equal(1, info.DisallowCount(0x7_0000, 2));
    }

    [Fact]
    public void A_shadowed_gfn_disallows_the_huge_frames_around_it_until_the_last_shadow_page_is_gone()
    {
        var info = new LargePageInfo(0, 0x8_0000, 0);

        info.Disallow(0x201);
        info.Disallow(0x202);
        info.Allow(0x201);

        Assert.Equal(1, info.DisallowCount(0x3ff, 2));
        Assert.Equal(1, info.DisallowCount(0x3_ffff, 3));
        Assert.Equal(0, info.DisallowCount(0x400, 2));
        Assert.Equal(0, info.DisallowCount(0x4_0000, 3));

        info.Allow(0x202);
        Assert.Equal(0, info.DisallowCount(0x200, 2));
        Assert.Throws<InvariantViolation>(() => info.Allow(0x200));
    }
}
