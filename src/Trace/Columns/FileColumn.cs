namespace Replay.Trace.Columns;

/// <summary>A column of an access or event file.</summary>
/// <param name="Name">As SQL sees it.</param>
/// <param name="Type">How Parquet stores a value.</param>
/// <param name="Meaning">What a value is.</param>
/// <param name="Bits">Width of a number; 0 for text and bytes.</param>
/// <param name="Encoding">How its data pages are encoded.</param>
/// <param name="IsOptional">Whether it may hold null.</param>
internal sealed record FileColumn(string Name, PhysicalType Type, LogicalType Meaning, int Bits, PageEncoding Encoding, bool IsOptional = false)
{
    /// <summary>As <c>schemas/capture/v2.md</c> names the type.</summary>
    public string TypeName => Meaning switch
    {
        LogicalType.Unsigned => $"uint{Bits}",
        LogicalType.Signed => $"int{Bits}",
        LogicalType.Text => "text",
        _ => "bytes",
    };
}
