using Parquet;
using Parquet.Schema;

namespace Replay.Trace.Storage;

/// <summary>The columns of an event file, in order.</summary>
internal static class EventSchema
{
    public static readonly DataField<long> Ordinal = new("ordinal");
    public static readonly DataField<string> Kind = new("kind", nullable: false);
    public static readonly DataField<byte> Vcpu = new("vcpu");
    public static readonly DataField<string> Access = new("access", nullable: true);
    public static readonly DataField<byte?> Flags = new("flags");
    public static readonly DataField<ulong?> Gva = new("gva");
    public static readonly DataField<ulong?> Gpa = new("gpa");
    public static readonly DataField<uint?> Size = new("size");
    public static readonly DataField<ulong?> Value = new("value");
    public static readonly DataField<uint?> ErrorCode = new("error_code");
    public static readonly DataField<ulong?> Rip = new("rip");
    public static readonly DataField<string> Detail = new("detail", nullable: true);
    public static readonly DataField<byte[]> Data = new("data", nullable: true);

    public static readonly ParquetSchema Schema =
        new(Ordinal, Kind, Vcpu, Access, Flags, Gva, Gpa, Size, Value, ErrorCode, Rip, Detail, Data);

    /// <summary>
    /// Parquet.Net's default level is by far slower than the data is worth; text columns have few distinct values.
    /// </summary>
    public static ParquetOptions WriteOptions { get; } = new()
    {
        CompressionMethod = CompressionMethod.Zstd,
        CompressionLevel = System.IO.Compression.CompressionLevel.Fastest,
        ColumnEncodingHints =
        {
            [Kind.Path.ToString()] = EncodingHint.Dictionary,
            [Access.Path.ToString()] = EncodingHint.Dictionary,
            [Ordinal.Path.ToString()] = EncodingHint.DeltaBinaryPacked,
        },
    };
}
