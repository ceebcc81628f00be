using Replay.Replayer.Guest;
using Replay.Replayer.Hardware;

namespace Replay.Replayer.Tests.Hardware;

public sealed class PagingStructureCacheTests
{
    private static readonly WalkPosition PageTable = new(0x1234_5000, 1, new PageRights(6));

    [Fact]
    public void An_empty_cache_knows_no_address_at_any_epoch()
    {
        var cache = new PagingStructureCache();

        Assert.False(cache.TryFind(0, 0, out _, out _));
        Assert.False(cache.TryFind(0x1234_5678, 7, out _, out _));
    }

    [Fact]
    public void A_page_table_is_found_for_all_of_its_2_MiB_and_nothing_beside()
    {
        var cache = new PagingStructureCache();

        cache.Fill(0xffff_8000_0020_0000, 3, PageTable, (3, 12));

        Assert.True(cache.TryFind(0xffff_8000_003f_ffff, 3, out var found, out var references));
        Assert.Equal(PageTable, found);
        Assert.Equal((3, 12), references);
        Assert.False(cache.TryFind(0xffff_8000_0040_0000, 3, out _, out _));
        Assert.False(cache.TryFind(0x0000_8000_0020_0000, 3, out _, out _));
        Assert.False(cache.TryFind(0xffff_8000_0820_0000, 3, out _, out _));
    }

    [Fact]
    public void What_was_found_at_one_epoch_is_void_at_another()
    {
        var cache = new PagingStructureCache();

        cache.Fill(0x20_0000, 3, PageTable, (3, 12));

        Assert.False(cache.TryFind(0x20_0000, 2, out _, out _));
        Assert.False(cache.TryFind(0x20_0000, 4, out _, out _));
    }
}
