namespace Replay.Trace.Columns;

/// <summary>Makes ZSTD frames of pages.</summary>
internal abstract class PageCompressor : IDisposable
{
    /// <param name="level">Of ZSTD.</param>
    /// <param name="isHasty">Use the library of this machine if it has one. Its frames may differ from those of another machine.</param>
    public static PageCompressor Create(int level, bool isHasty) =>
        isHasty && ZstdLibrary.TryLoad() is { } library ? new LibraryCompressor(library, level) : new ManagedCompressor(level);

    /// <param name="raw">What to compress.</param>
    /// <param name="into">At least as long as ZSTD's bound for it.</param>
    /// <returns>Bytes written.</returns>
    public abstract int Compress(ReadOnlySpan<byte> raw, Span<byte> into);

    public abstract void Dispose();
}
