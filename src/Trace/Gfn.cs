namespace Replay.Trace;

/// <summary>A guest frame number: a guest-physical address shifted right by 12.</summary>
public readonly record struct Gfn(ulong Value) : IComparable<Gfn>
{
    /// <summary>The address of the frame's first byte.</summary>
    public Gpa Base => new(Value << 12);

    public static bool operator <(Gfn left, Gfn right) => left.Value < right.Value;

    public static bool operator >(Gfn left, Gfn right) => left.Value > right.Value;

    public static bool operator <=(Gfn left, Gfn right) => left.Value <= right.Value;

    public static bool operator >=(Gfn left, Gfn right) => left.Value >= right.Value;

    public int CompareTo(Gfn other) => Value.CompareTo(other.Value);

    /// <summary>Hexadecimal with a <c>0x</c> prefix.</summary>
    public override string ToString() => $"0x{Value:x}";
}
