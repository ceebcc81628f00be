using System.Buffers;

namespace Replay.Recorder.Ftrace;

/// <summary>
/// Takes off a line what mail, terminals and logs put there: colours, tabs, marks of quotation, the stamps of syslog and dmesg, the signs
/// of quoted-printable. And reads the lines of stack traces.
/// </summary>
internal sealed class LineText
{
    private const byte Escape = 0x1b;

    private static readonly SearchValues<byte> ColourParameters = SearchValues.Create("0123456789;?"u8);
    private static readonly SearchValues<byte> HexDigits = SearchValues.Create("0123456789abcdef"u8);
    private static readonly SearchValues<byte> TimeDigits = SearchValues.Create("0123456789."u8);

    private byte[] _buffer = new byte[512];

    /// <summary>The line without all that. Valid until the next call.</summary>
    public ReadOnlySpan<byte> Clean(ReadOnlySpan<byte> line)
    {
        if (_buffer.Length < line.Length)
            _buffer = new byte[line.Length];
        var length = 0;
        for (var i = 0; i < line.Length; i++)
        {
            if (line[i] == Escape && i + 1 < line.Length && line[i + 1] == (byte)'[')
            {
                var end = line[(i + 2)..].IndexOfAnyExcept(ColourParameters);
                i = end < 0 ? line.Length : i + 2 + end;
                continue;
            }

            if (line[i] == (byte)'=' && i + 2 < line.Length && TryHex(line[i + 1], line[i + 2], out var quoted))
            {
                _buffer[length++] = quoted;
                i += 2;
                continue;
            }

            _buffer[length++] = line[i] == (byte)'\t' ? (byte)' ' : line[i];
        }

        var text = (ReadOnlySpan<byte>)_buffer.AsSpan(0, length);
        if (text is [0xef, 0xbb, 0xbf, ..])
            text = text[3..];
        return WithoutStamp(WithoutQuotes(text)).TrimEnd(" \0"u8);
    }

    /// <summary>The function that a line of a stack trace names; empty: the line only says that one begins.</summary>
    /// <remarks>
    /// <code>
    ///  => kvm_mmu_page_fault+0x12/0x30 [kvm]              trace
    /// => kvm_mmu_page_fault (ffffffffc0a01234)            trace-cmd
    ///         ffffffffc0a01234 kvm_mmu_page_fault+0x12 ([kvm])    perf
    /// </code>
    /// </remarks>
    public static bool TryStack(ReadOnlySpan<byte> clean, out ReadOnlySpan<byte> function)
    {
        function = default;
        var text = clean.Trim((byte)' ');
        if (text.IndexOf("<stack trace"u8) >= 0 || text.SequenceEqual("=>"u8))
            return true;
        if (text.StartsWith("=> "u8))
        {
            function = FunctionOf(text[3..].TrimStart((byte)' '));
            return true;
        }

        var space = text.IndexOf((byte)' ');
        if (space is < 6 or > 18 || clean[0] != (byte)' ' || text[..space].ContainsAnyExcept(HexDigits) || !text.EndsWith(")"u8))
            return false;
        function = FunctionOf(text[(space + 1)..].TrimStart((byte)' '));
        return true;
    }

    private static ReadOnlySpan<byte> FunctionOf(ReadOnlySpan<byte> text)
    {
        var end = text.IndexOfAny("+ ("u8);
        if (end >= 0)
            text = text[..end];
        return text.IndexOf((byte)'.') is > 0 and var dot ? text[..dot] : text;
    }

    /// <summary>&gt; and | of mails; | only where a quotation stands before it, as the function graph tracer draws with it.</summary>
    private static ReadOnlySpan<byte> WithoutQuotes(ReadOnlySpan<byte> text)
    {
        var rest = text.TrimStart((byte)' ');
        if (rest.IsEmpty || rest[0] != (byte)'>')
            return text;
        while (!rest.IsEmpty && rest[0] == (byte)'>')
            rest = rest[1..].TrimStart((byte)' ');
        // A line of a stack trace is told by the space before it.
        return text[(text.Length - rest.Length - (text.Length > rest.Length && text[text.Length - rest.Length - 1] == (byte)' ' ? 1 : 0))..];
    }

    /// <summary><c>[  123.456789] </c> of dmesg, and <c>Nov 28 19:00:01 host kernel: </c> before it.</summary>
    private static ReadOnlySpan<byte> WithoutStamp(ReadOnlySpan<byte> text)
    {
        var kernel = text.IndexOf("kernel: "u8);
        if (kernel > 0)
            text = text[(kernel + 8)..];
        var rest = text.TrimStart((byte)' ');
        if (rest is not [(byte)'[', ..] || rest.IndexOf((byte)']') is not (> 2 and < 24 and var close))
            return text;
        var inner = rest[1..close].Trim((byte)' ');
        return inner.IndexOf((byte)'.') > 0 && !inner.ContainsAnyExcept(TimeDigits) ? rest[(close + 1)..] : text;
    }

    private static bool TryHex(byte high, byte low, out byte value)
    {
        // Only the sign that quoted-printable always has to write so; anything else may be a field of the event: gfn=20.
        value = (byte)'=';
        return (high, low) == ((byte)'3', (byte)'D');
    }
}
