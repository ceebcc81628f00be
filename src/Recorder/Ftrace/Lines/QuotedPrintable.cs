using System.Text;

namespace Replay.Recorder.Ftrace;

/// <summary>
/// Whether the text is quoted-printable, as mails are stored. There a blank may be <c>=20</c>, which elsewhere is a field: <c>gfn=20</c>.
/// The mail's header says it; without one, signs that only this encoding has do: <c>=3D</c>, or lines that are broken behind <c>=</c>.
/// </summary>
internal sealed class QuotedPrintable
{
    /// <summary>Lines are 76 characters long at most, and broken where they would be longer; marks of quotation may stand before them.</summary>
    private const int LongestLine = 80;
    private const int ShortestBroken = 70;

    private bool _hasHeader;

    private static ReadOnlySpan<byte> Header => "content-transfer-encoding:"u8;

    /// <summary>Blanks may stand as <c>=20</c> from here on.</summary>
    public bool IsOn { get; private set; }

    /// <summary>Looks at the first part of the text.</summary>
    public void Survey(ReadOnlySpan<byte> text)
    {
        var shows = false;
        foreach (var range in text.Split((byte)'\n'))
        {
            var line = text[range].TrimEnd((byte)'\r');
            if (IsHeader(line))
                return;
            shows |= Shows(line);
        }

        IsOn = shows;
    }

    /// <summary>Takes note of a line that says it, or shows it.</summary>
    public void Note(ReadOnlySpan<byte> line)
    {
        if (line.IndexOf((byte)'=') < 0 && line.IndexOf((byte)':') < 0)
            return;
        if (IsHeader(line))
            (_hasHeader, IsOn) = (true, StartsWith(line[Header.Length..].TrimStart((byte)' '), "quoted-printable"u8));
        else if (!_hasHeader && !IsOn)
            IsOn = Shows(line);
    }

    /// <summary>Every <c>=</c> of the line is the beginning of an encoded byte, or its last character.</summary>
    public static bool IsEncoded(ReadOnlySpan<byte> line)
    {
        var found = false;
        for (var rest = line; rest.IndexOf((byte)'=') is >= 0 and var at; rest = rest[(at + 1)..])
        {
            if (at == rest.Length - 1)
                return found;
            if (!TryByte(rest[at..], out _))
                return false;
            found = true;
        }

        return found;
    }

    /// <summary><c>=20</c>; its digits are capital.</summary>
    public static bool TryByte(ReadOnlySpan<byte> text, out byte value)
    {
        value = 0;
        if (text.Length < 3 || text[0] != '=' || Digit(text[1]) is not (>= 0 and var high) || Digit(text[2]) is not (>= 0 and var low))
            return false;
        value = (byte)((high << 4) | low);
        return value is >= (byte)' ' or (byte)'\t';
    }

    private static bool Shows(ReadOnlySpan<byte> line) =>
        line.IndexOf("=3D"u8) >= 0 || (line.Length is >= ShortestBroken and <= LongestLine && MailedLine.EndsSoftly(line));

    private static bool IsHeader(ReadOnlySpan<byte> line) => StartsWith(line, Header);

    private static bool StartsWith(ReadOnlySpan<byte> line, ReadOnlySpan<byte> word) => line.Length >= word.Length && Ascii.EqualsIgnoreCase(line[..word.Length], word);

    private static int Digit(byte digit) => digit switch
    {
        >= (byte)'0' and <= (byte)'9' => digit - '0',
        >= (byte)'A' and <= (byte)'F' => digit - 'A' + 10,
        _ => -1,
    };
}
