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
        [InterpolatedStringHandlerArgument(nameof(condition))] InvariantMessage what)
    {
        if (!condition)
            Broken(what);
    }

    [DoesNotReturn]
    public static void Broken(string what) => throw new InvariantViolation(what);

    [DoesNotReturn]
    public static void Broken(InvariantMessage what) => throw new InvariantViolation(what.ToString());
}
