namespace Replay.Recorder.Bochs;

/// <summary>What an instruction does beside touching memory.</summary>
internal enum SpecialInstruction
{
    None,
    MovCr0,
    MovCr3,
    MovCr4,
    Clts,
    Lmsw,
    Wrmsr,
    Wrpkru,
    Xrstor,
    Invlpg,
    Invlpga,
    Invpcid,
    Invept,
    Invvpid,
    Lgdt,
    Lidt,
    Ltr,
    Lldt,
    Out,
    Rsm,
    VmEntry,
    Vmrun,
}

/// <summary>An instruction taken apart as far as a recording needs it.</summary>
/// <param name="Kind">What it does.</param>
/// <param name="Register">Number of the register operand, or, of an OUT with an immediate operand, its port; -1 where DX has it.</param>
internal readonly record struct Decoded(SpecialInstruction Kind, int Register = 0)
{
    public static Decoded Of(ReadOnlySpan<byte> bytes, bool isLong)
    {
        var at = 0;
        var rex = 0;
        var isWide = false;
        for (; at < bytes.Length; at++)
        {
            var value = bytes[at];
            if (value == 0x66)
                isWide = true;
            else if (isLong && (value & 0xf0) == 0x40)
                rex = value;
            else if (value is not (0x67 or 0xf2 or 0xf3 or 0x2e or 0x36 or 0x3e or 0x26 or 0x64 or 0x65 or 0xf0))
                break;
        }

        var code = bytes[at..];
        if (code.Length == 0)
            return default;
        if (code[0] is 0xe6 or 0xe7)
            return code.Length > 1 ? new Decoded(SpecialInstruction.Out, code[1]) : default;
        if (code[0] is 0xee or 0xef)
            return new Decoded(SpecialInstruction.Out, -1);
        if (code[0] != 0x0f || code.Length < 2)
            return default;
        var modrm = code.Length > 2 ? code[2] : 0;
        if (code[1] == 0x38)
            return code.Length > 3 && isWide ? Descriptor(code[2], ((code[3] >> 3) & 7) | ((rex & 4) << 1)) : default;
        return code[1] switch
        {
            0x00 => ((modrm >> 3) & 7) switch { 2 => new Decoded(SpecialInstruction.Lldt), 3 => new Decoded(SpecialInstruction.Ltr), _ => default },
            0x01 => Group7((byte)modrm, rex),
            0x06 => new Decoded(SpecialInstruction.Clts),
            0x22 => MovCr(((modrm >> 3) & 7) | ((rex & 4) << 1), (modrm & 7) | ((rex & 1) << 3)),
            0x30 => new Decoded(SpecialInstruction.Wrmsr),
            0xaa => new Decoded(SpecialInstruction.Rsm),
            0xae => ((modrm >> 3) & 7) == 5 && modrm < 0xc0 ? new Decoded(SpecialInstruction.Xrstor) : default,
            _ => default,
        };
    }

    private static Decoded Descriptor(byte code, int register) => code switch
    {
        0x80 => new Decoded(SpecialInstruction.Invept, register),
        0x81 => new Decoded(SpecialInstruction.Invvpid, register),
        0x82 => new Decoded(SpecialInstruction.Invpcid, register),
        _ => default,
    };

    private static Decoded MovCr(int control, int register) => control switch
    {
        0 => new Decoded(SpecialInstruction.MovCr0, register),
        3 => new Decoded(SpecialInstruction.MovCr3, register),
        4 => new Decoded(SpecialInstruction.MovCr4, register),
        _ => default,
    };

    private static Decoded Group7(byte modrm, int rex)
    {
        var isMemory = modrm < 0xc0;
        return ((modrm >> 3) & 7) switch
        {
            0 when modrm is 0xc2 or 0xc3 => new Decoded(SpecialInstruction.VmEntry),
            2 when isMemory => new Decoded(SpecialInstruction.Lgdt),
            3 when isMemory => new Decoded(SpecialInstruction.Lidt),
            3 when modrm == 0xd8 => new Decoded(SpecialInstruction.Vmrun),
            3 when modrm == 0xdf => new Decoded(SpecialInstruction.Invlpga),
            5 when modrm == 0xef => new Decoded(SpecialInstruction.Wrpkru),
            6 => new Decoded(SpecialInstruction.Lmsw, isMemory ? -1 : (modrm & 7) | ((rex & 1) << 3)),
            7 when isMemory => new Decoded(SpecialInstruction.Invlpg),
            _ => default,
        };
    }
}
