using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;

namespace Replay.Replayer;

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
