using Replay.Trace.Columns;
using ZstdSharp;

namespace Replay.Trace.Tests;

/// <summary>Pages compressed by the machine's libzstd are ZSTD like those of the program's own.</summary>
public sealed class PageCompressorTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(1000)]
    [InlineData(1 << 18)]
    public void Frames_of_the_library_hold_what_was_compressed(int length)
    {
        var library = ZstdLibrary.TryLoad();
        Assert.SkipUnless(library is not null, "this machine has no libzstd");
        var raw = Raw(length);
        using var compressor = new LibraryCompressor(library, -10);
        using var decompressor = new Decompressor();
        var packed = new byte[Compressor.GetCompressBound(length)];

        var first = compressor.Compress(raw, packed);
        Assert.Equal(raw, decompressor.Unwrap(packed.AsSpan(0, first)).ToArray());
        Assert.Equal(first, compressor.Compress(raw, packed));
    }

    [Fact]
    public void A_page_that_does_not_fit_is_no_page()
    {
        var library = ZstdLibrary.TryLoad();
        Assert.SkipUnless(library is not null, "this machine has no libzstd");
        using var compressor = new LibraryCompressor(library, -10);
        Assert.Throws<InvalidOperationException>(() => compressor.Compress(Raw(1000), new byte[4]));
    }

    /// <summary>What is not made in haste has the same bytes everywhere.</summary>
    [Fact]
    public void Only_haste_uses_the_library()
    {
        using var compressor = PageCompressor.Create(1, isHasty: false);
        Assert.IsType<ManagedCompressor>(compressor);
        using var hasty = PageCompressor.Create(1, isHasty: true);
        Assert.Equal(ZstdLibrary.TryLoad() is not null, hasty is LibraryCompressor);
    }

    private static byte[] Raw(int length)
    {
        var raw = new byte[length];
        for (var i = 0; i < length; i++)
            raw[i] = (byte)(i % 100 * (i / 5000));
        return raw;
    }
}
