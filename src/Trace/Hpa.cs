namespace Replay.Trace;

/// <summary>A host-physical address: what the table entries of KVM hold.</summary>
public readonly record struct Hpa(ulong Value) : IComparable<Hpa>
{
    /// <summary>The address as a host frame number (pfn).</summary>
    public ulong PageNumber => Value >> 12;

    /// <summary>The byte offset inside the 4 KiB page, 0 to 4095.</summary>
    public int PageOffset => (int)(Value & 0xfff);

    public static bool operator <(Hpa left, Hpa right) => left.Value < right.Value;

    public static bool operator >(Hpa left, Hpa right) => left.Value > right.Value;

    public static bool operator <=(Hpa left, Hpa right) => left.Value <= right.Value;

    public static bool operator >=(Hpa left, Hpa right) => left.Value >= right.Value;

    public int CompareTo(Hpa other) => Value.CompareTo(other.Value);

    /// <summary>Hexadecimal with a <c>0x</c> prefix, as every output of the product prints addresses.</summary>
    public override string ToString() => $"0x{Value:x}";
}
