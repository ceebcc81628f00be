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
