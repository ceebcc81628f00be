using System.Runtime.InteropServices;
using ZstdSharp;

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

/// <summary>Parquet's page compressions, as far as access files use them. The values are Parquet's.</summary>
internal enum PageCodec
{
    Uncompressed = 0,
    Zstd = 6,
}

/// <summary>ZSTD by the machine's own library, which takes two thirds of the time.</summary>
internal sealed unsafe class LibraryCompressor(ZstdLibrary library, int level) : PageCompressor
{
    private nint _context = library.CreateContext();

    ~LibraryCompressor() => Free();

    public override int Compress(ReadOnlySpan<byte> raw, Span<byte> into)
    {
        ObjectDisposedException.ThrowIf(_context == 0, this);
        fixed (byte* to = into)
        fixed (byte* from = raw)
        {
            var written = library.Compress(_context, to, (nuint)into.Length, from, (nuint)raw.Length, level);
            return written <= (nuint)into.Length
                ? (int)written
                : throw new InvalidOperationException($"libzstd cannot compress a page of {raw.Length} bytes (code {(long)written}).");
        }
    }

    public override void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    private void Free()
    {
        if (_context != 0)
            library.FreeContext(_context);
        _context = 0;
    }
}

/// <summary>ZSTD as this program carries it: the same frames on every machine.</summary>
internal sealed class ManagedCompressor(int level) : PageCompressor
{
    private readonly Compressor _compressor = new(level);

    public override int Compress(ReadOnlySpan<byte> raw, Span<byte> into) => _compressor.Wrap(raw, into);

    public override void Dispose() => _compressor.Dispose();
}

/// <summary>libzstd, where the machine has it: QEMU comes with it on most.</summary>
internal sealed unsafe class ZstdLibrary
{
    private static readonly Lazy<ZstdLibrary?> Loaded = new(Load);

    private readonly delegate* unmanaged<nint> _create;
    private readonly delegate* unmanaged<nint, nuint> _free;
    private readonly delegate* unmanaged<nint, byte*, nuint, byte*, nuint, int, nuint> _compress;

    private ZstdLibrary(nint create, nint free, nint compress)
    {
        _create = (delegate* unmanaged<nint>)create;
        _free = (delegate* unmanaged<nint, nuint>)free;
        _compress = (delegate* unmanaged<nint, byte*, nuint, byte*, nuint, int, nuint>)compress;
    }

    /// <summary>Null where there is none.</summary>
    public static ZstdLibrary? TryLoad() => Loaded.Value;

    public nint CreateContext() => _create() is var context and not 0 ? context : throw new InvalidOperationException("libzstd makes no context.");

    public void FreeContext(nint context) => _free(context);

    /// <returns>Bytes written; a number beyond any length is an error.</returns>
    public nuint Compress(nint context, byte* into, nuint room, byte* raw, nuint length, int level) => _compress(context, into, room, raw, length, level);

    private static ZstdLibrary? Load() =>
        OperatingSystem.IsLinux() && NativeLibrary.TryLoad("libzstd.so.1", out var library)
        && NativeLibrary.TryGetExport(library, "ZSTD_createCCtx", out var create)
        && NativeLibrary.TryGetExport(library, "ZSTD_freeCCtx", out var free)
        && NativeLibrary.TryGetExport(library, "ZSTD_compressCCtx", out var compress)
            ? new ZstdLibrary(create, free, compress)
            : null;
}
