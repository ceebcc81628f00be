namespace Replay.Trace.Columns;

/// <summary>The columns of an access file. All are required: no column of a plain access is ever unknown.</summary>
internal static class AccessColumn
{
    public static readonly FileColumn Ordinal = new("ordinal", PhysicalType.Int64, LogicalType.Signed, 64, PageEncoding.DeltaBinaryPacked);
    public static readonly FileColumn Vcpu = new("vcpu", PhysicalType.Int32, LogicalType.Unsigned, 8, PageEncoding.RleDictionary);
    public static readonly FileColumn Access = new("access", PhysicalType.ByteArray, LogicalType.Text, 0, PageEncoding.RleDictionary);
    public static readonly FileColumn Flags = new("flags", PhysicalType.Int32, LogicalType.Unsigned, 8, PageEncoding.RleDictionary);
    public static readonly FileColumn Size = new("size", PhysicalType.Int32, LogicalType.Unsigned, 8, PageEncoding.RleDictionary);
    public static readonly FileColumn GvaPage = new("gva_page", PhysicalType.Int64, LogicalType.Unsigned, 64, PageEncoding.RleDictionary);
    public static readonly FileColumn GpaPage = new("gpa_page", PhysicalType.Int64, LogicalType.Unsigned, 64, PageEncoding.RleDictionary);
    public static readonly FileColumn PageOffset = new("page_offset", PhysicalType.Int32, LogicalType.Unsigned, 16, PageEncoding.Plain);

    /// <summary>The same column, in files that were written in a hurry: the index of an offset is the offset.</summary>
    public static readonly FileColumn PageOffsetIndex = PageOffset with { Encoding = PageEncoding.RleDictionary };

    public static readonly FileColumn Rip = new("rip", PhysicalType.Int64, LogicalType.Unsigned, 64, PageEncoding.RleDictionary);

    private static readonly FileColumn[] WithRip = [Ordinal, Vcpu, Access, Flags, Size, GvaPage, GpaPage, PageOffset, Rip];
    private static readonly FileColumn[] WithoutRip = WithRip[..^1];

    /// <summary>The columns of a file, in order.</summary>
    public static ReadOnlySpan<FileColumn> All(bool hasRips) => hasRips ? WithRip : WithoutRip;
}
