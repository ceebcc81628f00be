namespace Replay.Trace.Columns;

/// <summary>Parquet's page compressions, as far as access files use them. The values are Parquet's.</summary>
internal enum PageCodec
{
    Uncompressed = 0,
    Zstd = 6,
}
