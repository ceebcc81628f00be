namespace Replay.Trace;

/// <summary>A host frame number: a host-physical address shifted right by 12.</summary>
public readonly record struct Pfn(ulong Value) : IComparable<Pfn>
{
    /// <summary>The address of the frame's first byte.</summary>
    public Hpa Base => new(Value << 12);

    public static bool operator <(Pfn left, Pfn right) => left.Value < right.Value;

    public static bool operator >(Pfn left, Pfn right) => left.Value > right.Value;

    public static bool operator <=(Pfn left, Pfn right) => left.Value <= right.Value;

    public static bool operator >=(Pfn left, Pfn right) => left.Value >= right.Value;

    public int CompareTo(Pfn other) => Value.CompareTo(other.Value);

    /// <summary>Hexadecimal with a <c>0x</c> prefix.</summary>
    public override string ToString() => $"0x{Value:x}";
}
