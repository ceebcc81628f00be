using System.Runtime.InteropServices;

namespace Replay.Trace.Columns;

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
