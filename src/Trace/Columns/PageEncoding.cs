namespace Replay.Trace.Columns;

/// <summary>Parquet's encodings of values in a page, as far as access files use them. The values are Parquet's.</summary>
internal enum PageEncoding
{
    Plain = 0,
    Rle = 3,
    DeltaBinaryPacked = 5,
    RleDictionary = 8,
}
