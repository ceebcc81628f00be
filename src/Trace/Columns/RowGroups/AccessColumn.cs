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

    /// <summary>Of a touch index alone: number of the row in the access file.</summary>
    public static readonly FileColumn Row = new("row", PhysicalType.Int64, LogicalType.Signed, 64, PageEncoding.DeltaBinaryPacked);

    private static readonly FileColumn[] WithRip = [Ordinal, Vcpu, Access, Flags, Size, GvaPage, GpaPage, PageOffset, Rip];
    private static readonly FileColumn[] WithoutRip = WithRip[..^1];
    private static readonly FileColumn[] TouchesWithRip = [.. WithRip, Row];
    private static readonly FileColumn[] TouchesWithoutRip = [.. WithoutRip, Row];

    /// <summary>The columns of a file, in order.</summary>
    public static ReadOnlySpan<FileColumn> All(bool hasRips) => hasRips ? WithRip : WithoutRip;

    /// <summary>The columns of a touch index.</summary>
    public static ReadOnlySpan<FileColumn> Touches(bool hasRips) => hasRips ? TouchesWithRip : TouchesWithoutRip;
}
