using Replay.Trace;

namespace Replay.Analyzer.Conformance;

/// <summary>
/// What KVM's emulator makes of the instructions of a case's guest that store. The recorder tells it of stores to what it follows as tables, by the
/// same rules; KVM keeps pages as tables that the guest uses as such no more.
/// </summary>
/// <param name="program">The guest, which runs where it is loaded.</param>
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

    /// <summary>
    /// A string that is repeated counts as any other: what it does next is in a capture without the words that would tell. Nor does the last
    /// instruction of a program count, behind which there is nothing.
    /// </summary>
    internal static StoreInstruction Of(ReadOnlySpan<byte> bytes) => StoreInstructions.Of(bytes) switch
    {
        StoreInstruction.Repeated => StoreInstruction.Other,
        var instruction => bytes.Length < 3 ? StoreInstruction.Untold : instruction,
    };
}
