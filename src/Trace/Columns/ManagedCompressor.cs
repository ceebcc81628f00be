using ZstdSharp;

namespace Replay.Trace.Columns;

/// <summary>ZSTD as this program carries it: the same frames on every machine.</summary>
internal sealed class ManagedCompressor(int level) : PageCompressor
{
    private readonly Compressor _compressor = new(level);

    public override int Compress(ReadOnlySpan<byte> raw, Span<byte> into) => _compressor.Wrap(raw, into);

    public override void Dispose() => _compressor.Dispose();
}
