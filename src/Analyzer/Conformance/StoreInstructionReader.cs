using Replay.Trace;

namespace Replay.Analyzer.Conformance;

/// <summary>
/// What KVM's emulator makes of the instructions of a case's guest that store. The recorder tells it of stores to what it follows as tables, by the
/// same rules (<c>store.c</c> of its plugin); KVM keeps pages as tables that the guest uses as such no more.
/// </summary>
/// <param name="program">The guest, which runs where it is loaded.</param>
/// <remarks>KVM: x86_page_table_writing_insn(), the PageTable flag of the emulator's opcodes.</remarks>
internal sealed class StoreInstructionReader(CaseProgram program)
{
    private const int Longest = 15;

    private readonly Dictionary<ulong, StoreInstruction> _known = [];

    public StoreInstruction At(ulong rip)
    {
        if (_known.TryGetValue(rip, out var known))
            return known;
        return _known[rip] = Of(program.BytesAt(rip, Longest));
    }

    /// <summary>A string that is repeated counts as any other: what it does next is in a capture without the words that would tell.</summary>
    internal static StoreInstruction Of(ReadOnlySpan<byte> bytes)
    {
        var at = 0;
        while (at < bytes.Length && IsPrefix(bytes[at]))
            at++;
        if (at + 2 >= bytes.Length)
            return StoreInstruction.Untold;
        var isOnTables = bytes[at] == 0x0f ? IsOnTables(bytes[at + 1], bytes[at + 2] >> 3 & 7, twoBytes: true) : IsOnTables(bytes[at], bytes[at + 1] >> 3 & 7, twoBytes: false);
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
