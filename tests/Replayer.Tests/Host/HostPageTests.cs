using System.Numerics;
using Replay.Replayer.Kvm;
using Replay.Replayer.Kvm.Host;

namespace Replay.Replayer.Tests.Host;

/// <summary>What is kept of the host's and the log's pages, to the page.</summary>
public sealed class HostPageTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(63)]
    [InlineData(64)]
    [InlineData(65)]
    [InlineData(130)]
    public void A_log_in_which_all_pages_count_as_written_has_them_and_no_others(int pages)
    {
        var bitmap = new DirtyBitmap((ulong)pages);
        bitmap.SetAll();
        for (var page = 0; page < pages; page++)
            Assert.True(bitmap.Get((ulong)page));
        var bits = 0;
        foreach (var word in bitmap.Words)
            bits += BitOperations.PopCount(word);
        Assert.Equal(pages, bits);
    }

    [Fact]
    public void A_range_with_a_shared_page_or_a_protected_one_does_not_become_a_huge_page()
    {
        Assert.True(new HostRegion(HostPteState.Private, huge: false).CanCollapse());
        var shared = new HostRegion(HostPteState.Private, huge: false);
        shared.SetShared(3, 7);
        Assert.False(shared.CanCollapse());
        var guarded = new HostRegion(HostPteState.Private, huge: false);
        guarded.SetProtected(4, isProtected: true);
        Assert.False(guarded.CanCollapse());
    }
}
