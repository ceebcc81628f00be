using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;

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

/// <summary>How thoroughly a replay checks itself, beyond the checks that are always on.</summary>
public enum InvariantLevel : byte
{
    /// <summary>Each write and each translation that is walked; all tables and reverse maps whenever the number of faults has doubled, and at the end.</summary>
    Standard = 0,

    /// <summary>All tables and reverse maps are gone through after every chunk.</summary>
    Thorough = 1,
}

/// <summary>The text of a broken invariant, built only where it is needed.</summary>
/// <remarks>One reference, which lives in a register: a method that checks pays for the check alone, not for the place of a text.</remarks>
[InterpolatedStringHandler]
public readonly ref struct InvariantMessage
{
    private readonly StringBuilder? _text;

    /// <summary>The text of a check that may hold.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public InvariantMessage(int literalLength, int formattedCount, bool condition, out bool isNeeded)
    {
        isNeeded = !condition;
        _text = condition ? null : Begin();
    }

    /// <summary>The text of one that does not.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public InvariantMessage(int literalLength, int formattedCount) => _text = Begin();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void AppendLiteral(string value) => Append(_text, value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void AppendFormatted<T>(T value) => Append(_text, value, null);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void AppendFormatted<T>(T value, string? format) => Append(_text, value, format);

    public override string ToString() => _text?.ToString() ?? "";

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static StringBuilder Begin() => new();

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Append(StringBuilder? text, string value) => text!.Append(value);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Append<T>(StringBuilder? text, T value, string? format) =>
        text!.Append(value is IFormattable formattable ? formattable.ToString(format, CultureInfo.InvariantCulture) : value?.ToString());
}

/// <summary>
/// Our own bug: the model broke one of its invariants. Stops the run loudly. The message carries what is needed to reproduce it; the
/// session adds the ordinal of the event. Exit code 70.
/// </summary>
public sealed class InvariantViolation : Exception
{
    public InvariantViolation(string message)
        : base(message)
    {
    }

    public InvariantViolation(string message, Exception inner)
        : base(message, inner)
    {
    }
}
