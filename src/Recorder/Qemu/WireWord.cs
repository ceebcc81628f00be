namespace Replay.Recorder.Qemu;

/// <summary>A plain access in a recording of every access.</summary>
/// <remarks>
/// <code>
/// 63 0 | 62..56 size | 55..44 code page | 43..32 offset of the instruction in it
/// 31..28 access flags | 25..16 place | 13..12 kind | 11..0 offset in the page
/// </code>
/// </remarks>
internal static class WireWord
{
    /// <summary>Words from here on begin another record.</summary>
    public const ulong Limit = 1UL << 63;

    public const int OffsetMask = 0xfff;
    public const int KindShift = 12;
    public const int PlaceShift = 16;
    public const int FlagsShift = 28;
    public const int InstructionShift = 32;
    public const int SizeShift = 56;

    /// <summary>Numbers of places, of each vCPU.</summary>
    public const int Places = 1 << 10;

    /// <summary>Numbers of code pages.</summary>
    public const int CodePages = 1 << 12;

    /// <summary>Bits of an instruction's offset in its code page.</summary>
    public const int InstructionBits = 12;

    public static int Offset(ulong word) => (int)word & OffsetMask;

    public static int Kind(ulong word) => (int)(word >> KindShift) & 3;

    public static int Place(ulong word) => (int)(word >> PlaceShift) & (Places - 1);

    public static int Flags(ulong word) => (int)(word >> FlagsShift) & 15;

    /// <summary>Code page and offset in it.</summary>
    public static int Instruction(ulong word) => (int)(word >> InstructionShift) & ((CodePages << InstructionBits) - 1);

    public static int Size(ulong word) => (int)(word >> SizeShift);
}
