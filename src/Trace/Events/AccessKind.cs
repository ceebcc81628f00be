namespace Replay.Trace;

/// <summary>What an access does to memory. The values are part of capture format v1.</summary>
public enum AccessKind : byte
{
    Read = 0,
    Write = 1,

    /// <summary>An instruction fetch: recorded once each time execution enters another 4 KiB page.</summary>
    Fetch = 2,
}

/// <summary>The names of access kinds (<c>read</c>, <c>write</c>, <c>fetch</c>), as captures and databases write them.</summary>
public static class AccessKindName
{
    private static readonly string[] Names = ["read", "write", "fetch"];

    /// <summary>All names, each at the index of its <see cref="AccessKind"/>.</summary>
    public static ReadOnlySpan<string> All => Names;

    /// <exception cref="ArgumentOutOfRangeException">Not a kind of this format version.</exception>
    public static string Of(AccessKind kind) =>
        (int)kind < Names.Length ? Names[(int)kind] : throw new ArgumentOutOfRangeException(nameof(kind), kind, "Not an access kind.");

    public static bool TryParse(string name, out AccessKind kind)
    {
        var index = Array.IndexOf(Names, name);
        kind = (AccessKind)Math.Max(index, 0);
        return index >= 0;
    }
}

/// <summary>Properties of one access. The values are part of capture format v1.</summary>
[Flags]
public enum AccessFlags : byte
{
    None = 0,

    /// <summary>Made at CPL 3.</summary>
    User = 1,

    /// <summary>Supervisor access with EFLAGS.AC set, which SMAP lets through.</summary>
    AlignmentCheck = 2,

    /// <summary>Made by the CPU itself at supervisor privilege: descriptor tables, TSS, exception frames.</summary>
    Implicit = 4,

    /// <summary>The source saw the access reach a device, not memory.</summary>
    Mmio = 8,

    /// <summary>
    /// Only of a <see cref="TraceEventKind.PageTableStore"/> and no property of the access: it did not empty the page filter, as none of what
    /// the filter stood for was translated through that table.
    /// </summary>
    KeptFilter = 16,

    /// <summary>Made by the CPU's walk of the guest's page tables; only of a <see cref="TraceEventKind.GuestPhysicalAccess"/>.</summary>
    TableWalk = 32,

    /// <summary>Only of a <see cref="TraceEventKind.PageTableStore"/>: by <see cref="StoreInstruction.OnTables"/>.</summary>
    TableInstruction = StoreInstruction.OnTables << StoreInstructions.Shift,

    /// <summary>Only of a <see cref="TraceEventKind.PageTableStore"/>: by <see cref="StoreInstruction.Other"/>.</summary>
    OtherInstruction = StoreInstruction.Other << StoreInstructions.Shift,

    /// <summary>Only of a <see cref="TraceEventKind.PageTableStore"/>, as one value: by <see cref="StoreInstruction.Repeated"/>.</summary>
    RepeatedInstruction = StoreInstruction.Repeated << StoreInstructions.Shift,
}

/// <summary>What KVM's emulator makes of an instruction that stores to a page table.</summary>
public enum StoreInstruction : byte
{
    /// <summary>The capture does not say: it is old, or its source knows of no instructions.</summary>
    Untold = 0,

    /// <summary>Kernels use it on page tables (MOV, XCHG, CMPXCHG, OR, AND, BTS, BTC): it is emulated.</summary>
    OnTables = 1,

    /// <summary>No kernel would use it on page tables (ADD, XADD, PUSH, ...), or the emulator does not know it.</summary>
    Other = 2,

    /// <summary>As <see cref="Other"/>, a string instruction with a REP prefix: emulated, it is so to its end.</summary>
    Repeated = 3,
}

/// <summary>The instruction of a store, in its flags.</summary>
public static class StoreInstructions
{
    internal const int Shift = 6;

    public static StoreInstruction Instruction(this AccessFlags flags) => (StoreInstruction)((byte)flags >> Shift);

    public static AccessFlags ToFlags(this StoreInstruction instruction) => (AccessFlags)((byte)instruction << Shift);

    /// <summary>The flags that tell of the access itself.</summary>
    public static AccessFlags OfAccess(this AccessFlags flags) => flags & ~(AccessFlags.KeptFilter | AccessFlags.RepeatedInstruction);

    /// <summary>
    /// What KVM's emulator makes of an instruction that stores: prefixes and opcode tell, and for some the operation in the ModR/M byte. The plugin
    /// for QEMU has the same rules (<c>store.c</c>).
    /// </summary>
    /// <param name="bytes">The instruction, from its first prefix on.</param>
    /// <remarks>KVM: x86_page_table_writing_insn(), the PageTable flag of the emulator's opcodes.</remarks>
    public static StoreInstruction Of(ReadOnlySpan<byte> bytes)
    {
        var at = 0;
        var repeats = false;
        for (; at < bytes.Length && IsPrefix(bytes[at]); at++)
            repeats |= (bytes[at] | 1) == 0xf3;
        if (at == bytes.Length)
            return StoreInstruction.Untold;
        if (repeats && bytes[at] is 0x6c or 0x6d or 0xa4 or 0xa5 or 0xaa or 0xab)
            return StoreInstruction.Repeated;
        var second = at + 1 < bytes.Length ? bytes[at + 1] : (byte)0;
        var third = at + 2 < bytes.Length ? bytes[at + 2] : (byte)0;
        var isOnTables = bytes[at] == 0x0f ? IsOnTables(second, (third >> 3) & 7, twoBytes: true) : IsOnTables(bytes[at], (second >> 3) & 7, twoBytes: false);
        return isOnTables ? StoreInstruction.OnTables : StoreInstruction.Other;
    }

    /// <summary>40 to 4f are REX; where they are not, they store nothing.</summary>
    private static bool IsPrefix(byte value) => value is 0x66 or 0x67 or 0x2e or 0x36 or 0x3e or 0x26 or 0x64 or 0x65 or 0xf0 or 0xf2 or 0xf3 or (>= 0x40 and <= 0x4f);

    /// <summary>OR, AND, XCHG, MOV; BTS, BTC, CMPXCHG, CMPXCHG8B and CMPXCHG16B.</summary>
    private static bool IsOnTables(byte code, int operation, bool twoBytes) => twoBytes
        ? code is 0xab or 0xb0 or 0xb1 or 0xbb || (code == 0xba && operation is 5 or 7) || (code == 0xc7 && operation == 1)
        : code is 0x08 or 0x09 or 0x20 or 0x21 or 0x86 or 0x87 or 0x88 or 0x89 or 0x8c or 0xa2 or 0xa3
            || (code is >= 0x80 and <= 0x83 && operation is 1 or 4) || (code is 0xc6 or 0xc7 && operation == 0);
}
