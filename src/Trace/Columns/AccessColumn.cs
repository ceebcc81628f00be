namespace Replay.Trace.Columns;

/// <summary>A column of an access file. All are required: no column of a plain access is ever unknown.</summary>
/// <param name="Name">As SQL sees it.</param>
/// <param name="Type">How Parquet stores a value.</param>
/// <param name="Bits">Width of the integer it means; 0 for text.</param>
/// <param name="IsSigned">Whether that integer is signed.</param>
/// <param name="Encoding">How its data pages are encoded.</param>
internal sealed record AccessColumn(string Name, PhysicalType Type, int Bits, bool IsSigned, PageEncoding Encoding)
{
    public static readonly AccessColumn Ordinal = new("ordinal", PhysicalType.Int64, 64, IsSigned: true, PageEncoding.DeltaBinaryPacked);
    public static readonly AccessColumn Vcpu = new("vcpu", PhysicalType.Int32, 8, IsSigned: false, PageEncoding.RleDictionary);
    public static readonly AccessColumn Access = new("access", PhysicalType.ByteArray, 0, IsSigned: false, PageEncoding.RleDictionary);
    public static readonly AccessColumn Flags = new("flags", PhysicalType.Int32, 8, IsSigned: false, PageEncoding.RleDictionary);
    public static readonly AccessColumn Size = new("size", PhysicalType.Int32, 8, IsSigned: false, PageEncoding.RleDictionary);
    public static readonly AccessColumn GvaPage = new("gva_page", PhysicalType.Int64, 64, IsSigned: false, PageEncoding.RleDictionary);
    public static readonly AccessColumn GpaPage = new("gpa_page", PhysicalType.Int64, 64, IsSigned: false, PageEncoding.RleDictionary);
    public static readonly AccessColumn PageOffset = new("page_offset", PhysicalType.Int32, 16, IsSigned: false, PageEncoding.Plain);
    public static readonly AccessColumn Rip = new("rip", PhysicalType.Int64, 64, IsSigned: false, PageEncoding.RleDictionary);

    private static readonly AccessColumn[] WithRip = [Ordinal, Vcpu, Access, Flags, Size, GvaPage, GpaPage, PageOffset, Rip];
    private static readonly AccessColumn[] WithoutRip = WithRip[..^1];

    public bool IsText => Bits == 0;

    /// <summary>The columns of a file, in order.</summary>
    public static ReadOnlySpan<AccessColumn> All(bool hasRips) => hasRips ? WithRip : WithoutRip;
}
