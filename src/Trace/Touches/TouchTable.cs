using System.Runtime.CompilerServices;

namespace Replay.Trace.Touches;

/// <summary>
/// Where a direct-mapped table of translations keeps each: the one place that says it, since a touch index leaves out what such a table holds, and
/// replays by that index rely on theirs holding it too.
/// </summary>
public static class TouchTable
{
    public const int Slots = 4096;

    /// <summary>Names this rule in an index. An index of another rule is not used.</summary>
    public const string Rule = "direct-mapped-4096/1";

    private const uint KindMask = 3;
    private const uint FlagsMask = 15;
    private const int FlagsShift = 2;

    /// <summary>Kind and flags of an access in six bits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint KindAndFlags(byte kind, byte flags) => (kind & KindMask) | (flags & FlagsMask) << FlagsShift;

    /// <summary>Kinds and privileges of one page lie apart, neighbouring pages side by side.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Slot(ulong gva, uint kindAndFlags) => ((uint)(gva >> 12) + (kindAndFlags * 0x155)) & (Slots - 1);
}
