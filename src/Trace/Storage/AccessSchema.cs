using Parquet;
using Parquet.Schema;

namespace Replay.Trace.Storage;

/// <summary>The columns of an access file, in order.</summary>
internal static class AccessSchema
{
    public static readonly DataField<long> Ordinal = new("ordinal");
    public static readonly DataField<byte> Vcpu = new("vcpu");
    public static readonly DataField<byte> Access = new("access");
    public static readonly DataField<byte> Flags = new("flags");
    public static readonly DataField<byte> Size = new("size");
    public static readonly DataField<ulong> Gva = new("gva");
    public static readonly DataField<ulong> Gpa = new("gpa");
    public static readonly DataField<ulong> Rip = new("rip");

    private static readonly ParquetSchema WithRip = new(Ordinal, Vcpu, Access, Flags, Size, Gva, Gpa, Rip);
    private static readonly ParquetSchema WithoutRip = new(Ordinal, Vcpu, Access, Flags, Size, Gva, Gpa);

    public static ParquetOptions WriteOptions { get; } = new() { CompressionMethod = CompressionMethod.None };

    public static ParquetSchema Of(bool hasRips) => hasRips ? WithRip : WithoutRip;
}
