namespace Replay.Trace.Columns;

/// <summary>The columns of an event file. What a kind does not fill, or its source could not see, is null.</summary>
internal static class EventColumn
{
    public static readonly FileColumn Ordinal = AccessColumn.Ordinal;
    public static readonly FileColumn Kind = new("kind", PhysicalType.ByteArray, LogicalType.Text, 0, PageEncoding.RleDictionary);
    public static readonly FileColumn Vcpu = AccessColumn.Vcpu;
    public static readonly FileColumn Access = AccessColumn.Access with { IsOptional = true };
    public static readonly FileColumn Flags = AccessColumn.Flags with { IsOptional = true };
    public static readonly FileColumn GvaPage = AccessColumn.GvaPage with { IsOptional = true };
    public static readonly FileColumn GpaPage = AccessColumn.GpaPage with { IsOptional = true };
    public static readonly FileColumn L2GpaPage = new("l2_gpa_page", PhysicalType.Int64, LogicalType.Unsigned, 64, PageEncoding.RleDictionary, IsOptional: true);
    public static readonly FileColumn PageOffset = AccessColumn.PageOffset with { IsOptional = true };
    public static readonly FileColumn Size = AccessColumn.Size with { Bits = 32, IsOptional = true };
    public static readonly FileColumn Value = new("value", PhysicalType.Int64, LogicalType.Unsigned, 64, PageEncoding.Plain, IsOptional: true);
    public static readonly FileColumn ErrorCode = new("error_code", PhysicalType.Int32, LogicalType.Unsigned, 32, PageEncoding.Plain, IsOptional: true);
    public static readonly FileColumn Rip = AccessColumn.Rip with { IsOptional = true };
    public static readonly FileColumn Detail = new("detail", PhysicalType.ByteArray, LogicalType.Text, 0, PageEncoding.Plain, IsOptional: true);
    public static readonly FileColumn Data = new("data", PhysicalType.ByteArray, LogicalType.Bytes, 0, PageEncoding.Plain, IsOptional: true);

    private static readonly FileColumn[] Columns =
        [Ordinal, Kind, Vcpu, Access, Flags, GvaPage, GpaPage, PageOffset, Size, Value, ErrorCode, Rip, Detail, Data, L2GpaPage];

    /// <summary>The columns of a file that is written, in order.</summary>
    public static ReadOnlySpan<FileColumn> All => Columns;

    /// <summary>The columns of a file in a capture of an older version, or of this. Version 1 knew nothing of nested guests.</summary>
    public static ReadOnlySpan<FileColumn> Of(int version) => version == 1 ? Columns.AsSpan(..^1) : Columns;
}
