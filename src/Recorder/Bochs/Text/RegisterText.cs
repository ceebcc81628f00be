namespace Replay.Recorder.Bochs;

/// <summary>The registers as Bochs prints them before each instruction: <c>rax: 00000000_2badb002</c> and so on, a line each.</summary>
internal sealed class RegisterText
{
    private readonly ulong[] _general = new ulong[16];

    /// <summary>By their numbers: RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8 to R15.</summary>
    public ReadOnlySpan<ulong> General => _general;

    public ulong Flags { get; private set; }

    /// <summary>True for every line that belongs to the registers, those of the vector and floating-point units included.</summary>
    public bool TryTake(ReadOnlySpan<byte> line)
    {
        switch (line[0])
        {
            case (byte)'r':
                TakeGeneral(line);
                return true;
            case (byte)'e' when line.StartsWith("eflags 0x"u8):
                Flags = new TextCursor(line[9..]).Hex();
                return true;
            case (byte)'M' or (byte)'V' or (byte)'X' or (byte)'Y' or (byte)'Z' or (byte)'o' or (byte)'s' or (byte)'k' or (byte)'K':
                return true;
            case (byte)'C' when line.StartsWith("CPU0:"u8):
                return true;
            default:
                return false;
        }
    }

    private void TakeGeneral(ReadOnlySpan<byte> line)
    {
        var number = line.Length < 8 ? -1 : (line[1], line[2]) switch
        {
            ((byte)'a', (byte)'x') => 0,
            ((byte)'c', (byte)'x') => 1,
            ((byte)'d', (byte)'x') => 2,
            ((byte)'b', (byte)'x') => 3,
            ((byte)'s', (byte)'p') => 4,
            ((byte)'b', (byte)'p') => 5,
            ((byte)'s', (byte)'i') => 6,
            ((byte)'d', (byte)'i') => 7,
            ((byte)'8' or (byte)'9', _) => line[1] - '0',
            ((byte)'1', >= (byte)'0' and <= (byte)'5') => 10 + line[2] - '0',
            _ => -1,
        };
        if (number < 0)
            return;
        var text = new TextCursor(line);
        text.SkipPast(':');
        text.Skip(" "u8);
        var high = text.Hex();
        text.Skip("_"u8);
        _general[number] = (high << 32) | text.Hex();
    }
}
