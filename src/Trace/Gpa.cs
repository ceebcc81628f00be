namespace Replay.Trace;

/// <summary>A guest-physical address: what the guest believes is memory.</summary>
public readonly record struct Gpa(ulong Value) : IComparable<Gpa>
{
    /// <summary>The address as a guest frame number (gfn).</summary>
    public ulong PageNumber => Value >> 12;

    /// <summary>The byte offset inside the 4 KiB page, 0 to 4095.</summary>
    public int PageOffset => (int)(Value & 0xfff);

    public static bool operator <(Gpa left, Gpa right) => left.Value < right.Value;

    public static bool operator >(Gpa left, Gpa right) => left.Value > right.Value;

    public static bool operator <=(Gpa left, Gpa right) => left.Value <= right.Value;

    public static bool operator >=(Gpa left, Gpa right) => left.Value >= right.Value;

    public int CompareTo(Gpa other) => Value.CompareTo(other.Value);

    /// <summary>Hexadecimal with a <c>0x</c> prefix, as every output of the product prints addresses.</summary>
    public override string ToString() => $"0x{Value:x}";
}
