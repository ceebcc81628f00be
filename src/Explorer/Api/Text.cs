using System.Globalization;
using Replay.Analyzer.Query;

namespace Replay.Explorer.Api;

/// <summary>Values of rows as the pages want them: addresses as <c>0x</c> text, what is not known as nothing.</summary>
internal static class Text
{
    public static string Hex(long bits) => string.Create(CultureInfo.InvariantCulture, $"0x{bits:x}");

    public static string Hex(ulong bits) => string.Create(CultureInfo.InvariantCulture, $"0x{bits:x}");

    public static string? HexOf(SqlValue value) => value.Kind == SqlValueKind.Integer ? Hex(value.Integer) : null;

    public static long? NumberOf(SqlValue value) => value.Kind == SqlValueKind.Integer ? value.Integer : null;

    public static string? Of(SqlValue value) => value.Kind == SqlValueKind.Null ? null : value.ToString();
}
