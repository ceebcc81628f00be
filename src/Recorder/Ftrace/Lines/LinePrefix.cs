namespace Replay.Recorder.Ftrace;

/// <summary>
/// What people and tools put before a line and that is no part of it: marks of quotation and of differences, numbers of lines, names of
/// files that were searched, a logger's stamps.
/// </summary>
internal static class LinePrefix
{
    /// <summary>The part before a thread's number without all that.</summary>
    public static ReadOnlySpan<byte> Strip(ReadOnlySpan<byte> text)
    {
        var dated = false;
        while (true)
        {
            text = text.TrimStart(" \t"u8);
            var length = Mark(text);
            if (length == 0)
                length = Date(text);
            if (length > 0)
            {
                dated |= length > 8;
                text = text[length..];
                continue;
            }

            length = dated ? Logger(text) : 0;
            if (length == 0)
                length = Number(text);
            if (length == 0)
                return text;
            dated = false;
            text = text[length..];
        }
    }

    /// <summary><c>&gt; </c>, <c>+ </c>, <c>| </c>; <c>A: </c>, by which a text refers to the line.</summary>
    private static int Mark(ReadOnlySpan<byte> text) => text switch
    {
        [(byte)'>' or (byte)'+' or (byte)'|', (byte)' ' or (byte)'\t' or (byte)'>', ..] => 1,
        [>= (byte)'A' and <= (byte)'Z', (byte)':', (byte)' ' or (byte)'\t', ..] => 2,
        _ => 0,
    };

    /// <summary><c>Nov 28 19:00:01</c>, <c>2025-11-28T19:00:01.5+00:00</c>, <c>[Fri Nov 28 19:00:01 2025]</c>, <c>[  123.456789]</c>.</summary>
    private static int Date(ReadOnlySpan<byte> text)
    {
        if (text is [(byte)'[', ..])
        {
            var close = text.IndexOf((byte)']');
            return close is > 2 and < 40 && text[1..close].IndexOfAny((byte)':', (byte)'.') > 0 && !text[1..close].ContainsAnyExcept(StampCharacters) ? close + 1 : 0;
        }

        if (Fits(text, "Aaa 99 99:99:99"u8))
            return 15;
        if (!Fits(text, "9999-99-99?99:99:99"u8))
            return 0;
        var end = text[19..].IndexOfAnyExcept(FractionAndZone);
        // A zone west of Greenwich.
        if (end >= 0 && text[19 + end] == (byte)'-' && Fits(text[(20 + end)..], "99"u8))
            end = text[(20 + end)..].IndexOf((byte)' ') is >= 0 and var space ? end + 1 + space : -1;
        return end < 0 ? text.Length : 19 + end;
    }

    /// <summary><c>host kernel: </c>, <c>host logger[812]: </c>: behind a date alone.</summary>
    private static int Logger(ReadOnlySpan<byte> text)
    {
        var host = text.IndexOf((byte)' ');
        if (host < 1)
            return 0;
        var program = text[(host + 1)..].IndexOf((byte)' ');
        return program > 1 && text[host + program] == (byte)':' ? host + 1 + program : 0;
    }

    /// <summary><c>17:</c>, <c>trace.txt:17:</c> of grep, <c>17</c> and a tab of cat -n.</summary>
    private static int Number(ReadOnlySpan<byte> text)
    {
        var digits = text.IndexOfAnyExceptInRange((byte)'0', (byte)'9');
        if (digits is > 0 and < 10)
            return text[digits] is (byte)':' or (byte)'\t' ? digits + 1 : 0;
        var word = text.IndexOfAny(" \t"u8);
        var file = word < 0 ? text : text[..word];
        // The line's number in the file, with what follows it at once or behind a space.
        if (file.IndexOf((byte)':') is not (> 0 and var colon))
            return 0;
        digits = text[(colon + 1)..].IndexOfAnyExceptInRange((byte)'0', (byte)'9');
        return digits is > 0 and < 10 && text[colon + 1 + digits] == (byte)':' ? colon + digits + 2 : 0;
    }

    /// <summary>9: a digit, or a space where it may be left out; A and a: letters; ?: anything.</summary>
    private static bool Fits(ReadOnlySpan<byte> text, ReadOnlySpan<byte> pattern)
    {
        if (text.Length < pattern.Length)
            return false;
        for (var i = 0; i < pattern.Length; i++)
        {
            var fits = pattern[i] switch
            {
                (byte)'9' => text[i] is >= (byte)'0' and <= (byte)'9' || (text[i] == (byte)' ' && i == 4),
                (byte)'A' => text[i] is >= (byte)'A' and <= (byte)'Z',
                (byte)'a' => text[i] is >= (byte)'a' and <= (byte)'z',
                (byte)'?' => text[i] is (byte)'T' or (byte)' ',
                _ => text[i] == pattern[i],
            };
            if (!fits)
                return false;
        }

        return true;
    }

    private static readonly System.Buffers.SearchValues<byte> FractionAndZone = System.Buffers.SearchValues.Create("0123456789.,:+Z"u8);

    private static readonly System.Buffers.SearchValues<byte> StampCharacters =
        System.Buffers.SearchValues.Create("0123456789.: abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ+-"u8);
}
