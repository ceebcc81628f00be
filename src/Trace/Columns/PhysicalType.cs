namespace Replay.Trace.Columns;

/// <summary>Parquet's physical types, as far as access files use them. The values are Parquet's.</summary>
internal enum PhysicalType
{
    Int32 = 1,
    Int64 = 2,
    ByteArray = 6,
}
