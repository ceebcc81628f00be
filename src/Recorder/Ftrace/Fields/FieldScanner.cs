using System.Buffers.Text;

namespace Replay.Recorder.Ftrace;

/// <summary>Reads the fields of an event's text from left to right. Nothing it is given makes it throw.</summary>
internal ref struct FieldScanner(ReadOnlySpan<byte> text)
{
    private ReadOnlySpan<byte> _rest = text;

    public readonly ReadOnlySpan<byte> Rest => _rest;

    public readonly bool IsAtEnd => _rest.IndexOfAnyExcept((byte)' ', (byte)'\0') < 0;

    /// <summary>Passes the literal if it comes next.</summary>
    public bool Skip(ReadOnlySpan<byte> literal)
    {
        if (!_rest.StartsWith(literal))
            return false;
        _rest = _rest[literal.Length..];
        return true;
    }

    /// <summary>Goes on behind the literal, wherever it stands.</summary>
    public bool Find(ReadOnlySpan<byte> literal)
    {
        var at = _rest.IndexOf(literal);
        if (at < 0)
            return false;
        _rest = _rest[(at + literal.Length)..];
        return true;
    }

    /// <summary>The text up to the literal; goes on behind it.</summary>
    public bool TryUpTo(ReadOnlySpan<byte> literal, out ReadOnlySpan<byte> before)
    {
        var at = _rest.IndexOf(literal);
        before = at < 0 ? default : _rest[..at];
        if (at < 0)
            return false;
        _rest = _rest[(at + literal.Length)..];
        return true;
    }

    /// <summary>The next word; goes on behind the spaces that follow it.</summary>
    public bool TryWord(out ReadOnlySpan<byte> word)
    {
        SkipSpaces();
        var end = _rest.IndexOf((byte)' ');
        word = end < 0 ? _rest : _rest[..end];
        _rest = _rest[word.Length..];
        SkipSpaces();
        return !word.IsEmpty;
    }

    /// <summary>A hexadecimal number, with or without 0x before it.</summary>
    public bool TryHex(out ulong value)
    {
        if (_rest.StartsWith("0x"u8))
            _rest = _rest[2..];
        if (!Utf8Parser.TryParse(_rest, out value, out var used, 'x'))
            return false;
        _rest = _rest[used..];
        return true;
    }

    public bool TryHex(out uint value)
    {
        var known = TryHex(out ulong wide) && wide <= uint.MaxValue;
        value = (uint)wide;
        return known;
    }

    public bool TryDecimal(out int value)
    {
        if (!Utf8Parser.TryParse(_rest, out value, out var used))
            return false;
        _rest = _rest[used..];
        return true;
    }

    public void SkipSpaces()
    {
        var at = _rest.IndexOfAnyExcept((byte)' ', (byte)'\t');
        _rest = at < 0 ? default : _rest[at..];
    }
}
