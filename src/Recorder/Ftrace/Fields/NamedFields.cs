using System.Buffers.Text;

namespace Replay.Recorder.Ftrace;

/// <summary>An event's fields by the names of its format: <c>gfn=0x100 level=1</c>, <c>gfn: 256, level: 1</c>.</summary>
internal readonly ref struct NamedFields
{
    private readonly ReadOnlySpan<byte> _text;
    private readonly bool _isHex;
    private readonly bool _omitsZeros;

    /// <param name="text">The fields.</param>
    /// <param name="isHex">Numbers of entries and frames are hexadecimal without a sign of that.</param>
    /// <param name="omitsZeros">Those that are not there are 0.</param>
    public NamedFields(ReadOnlySpan<byte> text, bool isHex, bool omitsZeros)
    {
        _text = text;
        _isHex = isHex;
        _omitsZeros = omitsZeros;
    }

    /// <summary>Nothing but names with values, or nothing at all.</summary>
    public static bool AreAll(ReadOnlySpan<byte> text)
    {
        while (!text.IsEmpty)
        {
            var end = text.IndexOf(", "u8);
            var field = end < 0 ? text : text[..end];
            text = end < 0 ? default : text[(end + 2)..];
            if (field.IndexOf(": "u8) is not (> 0 and var colon) || field[..colon].ContainsAnyExcept(LooseHead.NameCharacters))
                return false;
        }

        return true;
    }

    /// <summary>What the line says.</summary>
    public ulong? Shown(ReadOnlySpan<byte> name) => TryFind(name, false, out var value) ? value : null;

    /// <summary>What the line says, or 0 where it leaves out what is 0. Only for fields that the event has in every kernel.</summary>
    public ulong? Maybe(ReadOnlySpan<byte> name) => Has(name, out var value) ? value : null;

    public ulong? MaybeHex(ReadOnlySpan<byte> name) => HasHex(name, out var value) ? value : null;

    public bool Flag(ReadOnlySpan<byte> name) => Shown(name) is > 0;

    public bool Has(ReadOnlySpan<byte> name, out ulong value) => TryFind(name, false, out value) || IsOmitted(name);

    /// <summary>A number that the kernel's own line has in hexadecimal digits.</summary>
    public bool HasHex(ReadOnlySpan<byte> name, out ulong value) => TryFind(name, _isHex, out value) || IsOmitted(name);

    /// <summary>Of fast_page_fault: gva before Linux 5.6.</summary>
    public bool HasAddress(out ulong value) => TryFind("gva"u8, _isHex, out value) || HasHex("cr2_or_gpa"u8, out value);

    private bool IsOmitted(ReadOnlySpan<byte> name) => _omitsZeros && Place(name) < 0;

    private bool TryFind(ReadOnlySpan<byte> name, bool isHex, out ulong value)
    {
        value = 0;
        var place = Place(name);
        return place >= 0 && TryNumber(_text[place..].TrimStart((byte)' '), isHex, out value);
    }

    /// <summary>Where the value stands; -1: nowhere.</summary>
    private int Place(ReadOnlySpan<byte> name)
    {
        for (var from = 0; from + name.Length + 1 < _text.Length;)
        {
            var at = _text[from..].IndexOf(name);
            if (at < 0)
                return -1;
            at += from;
            var end = at + name.Length;
            if ((at == 0 || _text[at - 1] is (byte)' ' or (byte)',') && end < _text.Length && _text[end] is (byte)'=' or (byte)':')
                return end + 1;
            from = at + 1;
        }

        return -1;
    }

    private static bool TryNumber(ReadOnlySpan<byte> text, bool isHex, out ulong value)
    {
        if (text.StartsWith("0x"u8))
            return Utf8Parser.TryParse(text[2..], out value, out _, 'x');
        if (text.StartsWith("true"u8) || text.StartsWith("false"u8))
        {
            value = text[0] == (byte)'t' ? 1UL : 0;
            return true;
        }

        if (isHex ? Utf8Parser.TryParse(text, out value, out _, 'x') : Utf8Parser.TryParse(text, out value, out _))
            return true;
        var isNumber = Utf8Parser.TryParse(text, out long negative, out _);
        value = unchecked((ulong)negative);
        return isNumber;
    }
}
