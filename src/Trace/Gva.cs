namespace Replay.Trace;

/// <summary>A guest-virtual address: what the guest's instructions use.</summary>
public readonly record struct Gva(ulong Value) : IComparable<Gva>
{
    /// <summary>The address as a virtual page number.</summary>
    public ulong PageNumber => Value >> 12;

    /// <summary>The byte offset inside the 4 KiB page, 0 to 4095.</summary>
    public int PageOffset => (int)(Value & 0xfff);

    public static bool operator <(Gva left, Gva right) => left.Value < right.Value;

    public static bool operator >(Gva left, Gva right) => left.Value > right.Value;

    public static bool operator <=(Gva left, Gva right) => left.Value <= right.Value;

    public static bool operator >=(Gva left, Gva right) => left.Value >= right.Value;

    public int CompareTo(Gva other) => Value.CompareTo(other.Value);

    /// <summary>Hexadecimal with a <c>0x</c> prefix, as every output of the product prints addresses.</summary>
    public override string ToString() => $"0x{Value:x}";
}
