using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace Replay.Replayer;

/// <summary>Checks of what must always hold. They stay on in Release.</summary>
public static class Invariant
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Holds([DoesNotReturnIf(false)] bool condition, string what)
    {
        if (!condition)
            Broken(what);
    }

    /// <summary>The same with a message that is made only when it is needed.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Holds(
        [DoesNotReturnIf(false)] bool condition,
        [InterpolatedStringHandlerArgument(nameof(condition))] ref InvariantMessage what)
    {
        if (!condition)
            Broken(what.ToStringAndClear());
    }

    [DoesNotReturn]
    public static void Broken(string what) => throw new InvariantViolation(what);
}
