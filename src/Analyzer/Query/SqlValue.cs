using System.Globalization;

namespace Replay.Analyzer.Query;

/// <summary>One value of a result.</summary>
public readonly record struct SqlValue
{
    private readonly object? _reference;
    private readonly long _bits;

    private SqlValue(SqlValueKind kind, long bits, object? reference)
    {
        Kind = kind;
        _bits = bits;
        _reference = reference;
    }

    public static SqlValue Null => default;

    public SqlValueKind Kind { get; }

    /// <summary>The integer of an <see cref="SqlValueKind.Integer"/>.</summary>
    public long Integer => _bits;

    /// <summary>The number of a <see cref="SqlValueKind.Real"/>.</summary>
    public double Real => BitConverter.Int64BitsToDouble(_bits);

    /// <summary>The bytes of a <see cref="SqlValueKind.Blob"/>.</summary>
    public byte[] Blob => _reference as byte[] ?? [];

    public static SqlValue Of(long value) => new(SqlValueKind.Integer, value, null);

    public static SqlValue Of(double value) => new(SqlValueKind.Real, BitConverter.DoubleToInt64Bits(value), null);

    public static SqlValue Of(string value) => new(SqlValueKind.Text, 0, value);

    public static SqlValue Of(byte[] value) => new(SqlValueKind.Blob, 0, value);

    /// <summary>A number (decimal or 0x hexadecimal) where the text is one, otherwise the text.</summary>
    public static SqlValue Parse(string text)
    {
        if (text.StartsWith("0x", StringComparison.OrdinalIgnoreCase) && ulong.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var bits))
            return Of(unchecked((long)bits));
        return long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? Of(number) : Of(text);
    }

    /// <summary>The value as text: NULL is empty, a blob is hexadecimal.</summary>
    public override string ToString() => Kind switch
    {
        SqlValueKind.Integer => _bits.ToString(CultureInfo.InvariantCulture),
        SqlValueKind.Real => Real.ToString("R", CultureInfo.InvariantCulture),
        SqlValueKind.Text => (string)_reference!,
        SqlValueKind.Blob => Convert.ToHexStringLower(Blob),
        _ => "",
    };
}

/// <summary>SQLite's storage classes.</summary>
public enum SqlValueKind : byte
{
    Null,
    Integer,
    Real,
    Text,
    Blob,
}
