using System.Globalization;
using Replay.Analyzer.Query;

namespace Replay.Cli.Commands;

/// <summary>NAME=VALUE options.</summary>
internal static class Settings
{
    public static Dictionary<string, string> Parse(string[] settings, string option)
    {
        var values = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var setting in settings)
        {
            var equals = setting.IndexOf('=', StringComparison.Ordinal);
            if (equals <= 0)
                throw new UsageException($"{option} {setting}: write NAME=VALUE.");
            values[setting[..equals]] = setting[(equals + 1)..];
        }

        return values;
    }

    /// <summary>A number (decimal or 0x hexadecimal) where the text is one, otherwise the text.</summary>
    public static SqlValue SqlValue(string text)
    {
        if (text.StartsWith("0x", StringComparison.OrdinalIgnoreCase) && ulong.TryParse(text.AsSpan(2), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var bits))
            return Analyzer.Query.SqlValue.Of(unchecked((long)bits));
        return long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number)
            ? Analyzer.Query.SqlValue.Of(number)
            : Analyzer.Query.SqlValue.Of(text);
    }
}
