namespace Replay.Recorder.Bochs;

/// <summary>Reads through a line of text from left to right.</summary>
internal ref struct TextCursor(ReadOnlySpan<byte> text)
{
    /// <summary>What has not been read.</summary>
    public ReadOnlySpan<byte> Rest { get; private set; } = text;

    /// <summary>Passes over an exact text; false where another stands.</summary>
    public bool Skip(ReadOnlySpan<byte> expected)
    {
        if (!Rest.StartsWith(expected))
            return false;
        Rest = Rest[expected.Length..];
        return true;
    }

    /// <summary>Passes over all up to a character, and over that; false, and nothing is passed over, where it does not come.</summary>
    public bool SkipPast(char end)
    {
        var at = Rest.IndexOf((byte)end);
        if (at < 0)
            return false;
        Rest = Rest[(at + 1)..];
        return true;
    }

    /// <summary>What stands before a character, which is passed over, too; the rest where it does not come.</summary>
    public ReadOnlySpan<byte> Take(char end)
    {
        var at = Rest.IndexOf((byte)end);
        var taken = at < 0 ? Rest : Rest[..at];
        Rest = at < 0 ? [] : Rest[(at + 1)..];
        return taken;
    }

    /// <summary>A number in hexadecimal digits, which ends where they do.</summary>
    public ulong Hex()
    {
        HexDigits(out var value);
        return value;
    }

    /// <returns>How many digits it has.</returns>
    public int HexDigits(out ulong value)
    {
        value = 0;
        var count = 0;
        while (count < Rest.Length && Digit(Rest[count]) is var digit and >= 0)
        {
            value = (value << 4) | (uint)digit;
            count++;
        }

        Rest = Rest[count..];
        return count;
    }

    public ulong Decimal()
    {
        var value = 0UL;
        while (!Rest.IsEmpty && Rest[0] is >= (byte)'0' and <= (byte)'9')
        {
            value = (value * 10) + (ulong)(Rest[0] - '0');
            Rest = Rest[1..];
        }

        return value;
    }

    internal static int Digit(byte character) => character switch
    {
        >= (byte)'0' and <= (byte)'9' => character - '0',
        >= (byte)'a' and <= (byte)'f' => character - 'a' + 10,
        >= (byte)'A' and <= (byte)'F' => character - 'A' + 10,
        _ => -1,
    };
}
