using System.Buffers;

namespace Replay.Recorder.Ftrace;

/// <summary>
/// A line as it was before mail programs and editors had it: put together where quoted-printable broke it, with plain spaces where they
/// put others, what became of them on the way, without colours and frames.
/// </summary>
internal sealed class MailedLine
{
    private const byte Escape = 0x1b;

    private static readonly SearchValues<byte> Plain = SearchValues.Create([.. Enumerable.Range(0, 128).Select(value => (byte)value).Where(value => value != Escape)]);
    private static readonly SearchValues<byte> ColourParameters = SearchValues.Create("0123456789;?"u8);

    private byte[] _bytes = new byte[512];
    private int _length;

    /// <summary>Only the first part of a line is there; its number, from 1.</summary>
    public long First { get; private set; }

    public bool IsBroken => _length > 0;

    public ReadOnlySpan<byte> Line => _bytes.AsSpan(0, _length);

    /// <summary>It ends as quoted-printable breaks a line. A rule of such signs does not, nor <c>msr_write c0000103 =</c> that was wrapped there.</summary>
    public static bool EndsSoftly(ReadOnlySpan<byte> line) =>
        line is [.., not (byte)'=', (byte)'='] && !(line[^2] == (byte)' ' && line[..^2].LastIndexOf((byte)' ') is > 0 and var space && (line[..space].EndsWith("_write"u8) || line[..space].EndsWith("_read"u8)));

    /// <summary>There is something in it that is not as the tools write it.</summary>
    public static bool IsForeign(ReadOnlySpan<byte> line) =>
        line.IndexOfAnyExceptInRange((byte)' ', (byte)'~') is >= 0 and var at && line[at..].IndexOfAnyExcept(Plain) >= 0 || line.IndexOf("=3D"u8) >= 0 || line.IndexOf("=C2=A0"u8) >= 0 || line.IndexOf("=EF=BF=BD"u8) >= 0;

    /// <summary>Takes a line, or the next part of one.</summary>
    /// <param name="line">The line.</param>
    /// <param name="number">Its number.</param>
    /// <param name="isQuoted">The text is quoted-printable.</param>
    /// <returns>False: it goes on.</returns>
    public bool Take(ReadOnlySpan<byte> line, long number, bool isQuoted)
    {
        var isSoft = EndsSoftly(line) && _length + line.Length < LineSplitter.LongestLine;
        if (_length == 0)
            First = number;
        if (_bytes.Length < _length + line.Length)
            Array.Resize(ref _bytes, Math.Max(2 * _bytes.Length, _length + line.Length));
        line.CopyTo(_bytes.AsSpan(_length));
        _length += line.Length - (isSoft ? 1 : 0);
        if (isSoft)
            return false;
        if (isQuoted && QuotedPrintable.IsEncoded(Line))
            _length = Decode(_bytes.AsSpan(0, _length));
        _length = Clean(_bytes.AsSpan(0, _length));
        return true;
    }

    /// <summary>Nothing is in it any more.</summary>
    public void Clear() => _length = 0;

    /// <summary>In place, too.</summary>
    private static int Decode(Span<byte> line)
    {
        var length = 0;
        for (var i = 0; i < line.Length; i++)
        {
            line[length] = line[i];
            if (QuotedPrintable.TryByte(line[i..], out var value))
            {
                line[length] = value;
                i += 2;
            }

            length++;
        }

        return length;
    }

    /// <summary>In place; what it becomes is no longer.</summary>
    private static int Clean(Span<byte> line)
    {
        var length = 0;
        for (var i = 0; i < line.Length;)
        {
            var rest = (ReadOnlySpan<byte>)line[i..];
            if (rest is [Escape, (byte)'[', ..])
            {
                var end = rest[2..].IndexOfAnyExcept(ColourParameters);
                i = end < 0 ? line.Length : i + end + 3;
                continue;
            }

            var isEquals = rest is [(byte)'=', (byte)'3', (byte)'D', ..];
            var space = isEquals ? 0 : Space(rest);
            line[length++] = isEquals ? (byte)'=' : space > 0 ? (byte)' ' : line[i];
            i += isEquals ? 3 : Math.Max(space, 1);
        }

        return length;
    }

    /// <summary>Bytes of a sign that stands for a space: U+00A0, U+FFFD that became of it, that taken for Latin-1, and lines of boxes.</summary>
    private static int Space(ReadOnlySpan<byte> text) => text switch
    {
        [0xc2, 0xa0, ..] => 2,
        [0xef, 0xbf, 0xbd, ..] => 3,
        [0xc3, 0xaf, 0xc2, 0xbf, 0xc2, 0xbd, ..] => 6,
        [0xe2, 0x94 or 0x95, >= 0x80 and <= 0xbf, ..] => 3,
        [0xa0, ..] => 1,
        [(byte)'=', (byte)'C', (byte)'2', (byte)'=', (byte)'A', (byte)'0', ..] => 6,
        [(byte)'=', (byte)'E', (byte)'F', (byte)'=', (byte)'B', (byte)'F', (byte)'=', (byte)'B', (byte)'D', ..] => 9,
        _ => 0,
    };
}
