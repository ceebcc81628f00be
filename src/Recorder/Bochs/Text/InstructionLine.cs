using System.Text;

namespace Replay.Recorder.Bochs;

/// <summary>The instruction that the CPU executes next.</summary>
internal sealed class InstructionLine
{
    private const int Longest = 15;

    private readonly byte[] _bytes = new byte[Longest];
    private byte[] _text = new byte[96];
    private int _textLength;

    /// <summary>Where its first byte is.</summary>
    public ulong Physical { get; private set; }

    public uint Selector { get; private set; }

    /// <summary>Its address in the code segment.</summary>
    public ulong Offset { get; private set; }

    public int Length { get; private set; }

    public ReadOnlySpan<byte> Bytes => _bytes.AsSpan(0, Length);

    /// <summary>The instruction as an assembler writes it.</summary>
    public string Text => Encoding.ASCII.GetString(_text, 0, _textLength);

    /// <summary>Reads <c>(0).[91310] [0x000000100417] 0018:0000000000100417 (unk. ctxt): vmcall ; 0f01c1</c>.</summary>
    /// <returns>False: it is no such line.</returns>
    public bool TryParse(ReadOnlySpan<byte> line)
    {
        var text = new TextCursor(line);
        if (!text.Skip("("u8) || !text.SkipPast(']') || !text.Skip(" [0x"u8))
            return false;
        Physical = text.Hex();
        if (!text.Skip("] "u8))
            return false;
        Selector = (uint)text.Hex();
        if (!text.Skip(":"u8))
            return false;
        Offset = text.Hex();
        var behind = text.Rest.IndexOf("): "u8);
        var bytes = text.Rest.LastIndexOf("; "u8);
        if (behind < 0 || bytes < behind + 3)
            return false;
        KeepText(text.Rest[(behind + 3)..bytes].TrimEnd((byte)' '));
        var digits = text.Rest[(bytes + 2)..];
        Length = Math.Min(digits.Length / 2, Longest);
        for (var i = 0; i < Length; i++)
            _bytes[i] = (byte)((TextCursor.Digit(digits[2 * i]) << 4) | TextCursor.Digit(digits[(2 * i) + 1]));
        return Length > 0;
    }

    /// <summary>Says where the instruction really is. Where something else stands there than was printed, all that is known of it is that it is one.</summary>
    /// <returns>False: it is not what was printed.</returns>
    public bool IsAt(ulong gpa, GuestRam ram)
    {
        Physical = gpa;
        if (ram.Holds(gpa, Bytes))
            return true;
        Length = 1;
        _bytes[0] = 0x90;
        _textLength = 0;
        return false;
    }

    private void KeepText(ReadOnlySpan<byte> text)
    {
        if (text.Length > _text.Length)
            _text = new byte[text.Length];
        text.CopyTo(_text);
        _textLength = text.Length;
    }
}
