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

/// <summary>Takes pages out of ZSTD frames.</summary>
internal abstract class PageDecompressor : IDisposable
{
    /// <summary>The library of this machine if it has one: what is in a frame is the same for both.</summary>
    public static PageDecompressor Create() => ZstdLibrary.TryLoad() is { } library ? new LibraryDecompressor(library) : new ManagedDecompressor();

    /// <param name="frame">One frame.</param>
    /// <param name="into">As long as the page is to be.</param>
    /// <returns>False: it is no such frame, or has another length.</returns>
    public abstract bool TryDecompress(ReadOnlySpan<byte> frame, Span<byte> into);

    public abstract void Dispose();
}

/// <summary>ZSTD by the machine's own library.</summary>
internal sealed unsafe class LibraryDecompressor(ZstdLibrary library) : PageDecompressor
{
    private nint _context = library.CreateDecompression();

    ~LibraryDecompressor() => Free();

    public override bool TryDecompress(ReadOnlySpan<byte> frame, Span<byte> into)
    {
        ObjectDisposedException.ThrowIf(_context == 0, this);
        fixed (byte* to = into)
        fixed (byte* from = frame)
            return library.Decompress(_context, to, (nuint)into.Length, from, (nuint)frame.Length) == (nuint)into.Length;
    }

    public override void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    private void Free()
    {
        if (_context != 0)
            library.FreeDecompression(_context);
        _context = 0;
    }
}

/// <summary>ZSTD as this program carries it.</summary>
internal sealed class ManagedDecompressor : PageDecompressor
{
    private readonly Decompressor _decompressor = new();

    public override bool TryDecompress(ReadOnlySpan<byte> frame, Span<byte> into) => _decompressor.TryUnwrap(frame, into, out var written) && written == into.Length;

    public override void Dispose() => _decompressor.Dispose();
}

/// <summary>libzstd, where the machine has it: QEMU comes with it on most.</summary>
internal sealed unsafe class ZstdLibrary
{
    private static readonly Lazy<ZstdLibrary?> Loaded = new(Load);

    private readonly delegate* unmanaged<nint> _create;
    private readonly delegate* unmanaged<nint, nuint> _free;
    private readonly delegate* unmanaged<nint, byte*, nuint, byte*, nuint, int, nuint> _compress;

    private readonly delegate* unmanaged<nint> _createDecompression;
    private readonly delegate* unmanaged<nint, nuint> _freeDecompression;
    private readonly delegate* unmanaged<nint, byte*, nuint, byte*, nuint, nuint> _decompress;

    /// <param name="exports">The library's functions in the order of <see cref="Names"/>.</param>
    private ZstdLibrary(nint[] exports)
    {
        _create = (delegate* unmanaged<nint>)exports[0];
        _free = (delegate* unmanaged<nint, nuint>)exports[1];
        _compress = (delegate* unmanaged<nint, byte*, nuint, byte*, nuint, int, nuint>)exports[2];
        _createDecompression = (delegate* unmanaged<nint>)exports[3];
        _freeDecompression = (delegate* unmanaged<nint, nuint>)exports[4];
        _decompress = (delegate* unmanaged<nint, byte*, nuint, byte*, nuint, nuint>)exports[5];
    }

    private static ReadOnlySpan<string> Names => new[] { "ZSTD_createCCtx", "ZSTD_freeCCtx", "ZSTD_compressCCtx", "ZSTD_createDCtx", "ZSTD_freeDCtx", "ZSTD_decompressDCtx" };

    /// <summary>Null where there is none.</summary>
    public static ZstdLibrary? TryLoad() => Loaded.Value;

    public nint CreateContext() => _create() is var context and not 0 ? context : throw new InvalidOperationException("libzstd makes no context.");

    public void FreeContext(nint context) => _free(context);

    /// <returns>Bytes written; a number beyond any length is an error.</returns>
    public nuint Compress(nint context, byte* into, nuint room, byte* raw, nuint length, int level) => _compress(context, into, room, raw, length, level);

    public nint CreateDecompression() => _createDecompression() is var context and not 0 ? context : throw new InvalidOperationException("libzstd makes no context.");

    public void FreeDecompression(nint context) => _freeDecompression(context);

    /// <returns>Bytes written; a number beyond any length is an error.</returns>
    public nuint Decompress(nint context, byte* into, nuint room, byte* frame, nuint length) => _decompress(context, into, room, frame, length);

    private static ZstdLibrary? Load()
    {
        if (!OperatingSystem.IsLinux() || !NativeLibrary.TryLoad("libzstd.so.1", out var library))
            return null;
        var exports = new nint[Names.Length];
        for (var i = 0; i < exports.Length; i++)
        {
            if (!NativeLibrary.TryGetExport(library, Names[i], out exports[i]))
                return null;
        }

        return new ZstdLibrary(exports);
    }
}
