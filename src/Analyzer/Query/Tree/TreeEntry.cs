namespace Replay.Analyzer.Query.Tree;

/// <summary>An entry as it was after an event, and the write that left it so.</summary>
/// <param name="Index">0 to 511.</param>
/// <param name="Gfn">First guest frame that it translates.</param>
/// <param name="Value">Its 64 bits.</param>
/// <param name="Kind"><c>page</c>, <c>huge</c>, <c>table</c>, <c>mmio</c>, <c>removed</c>, <c>root</c>, <c>none</c> (0, only at the end of a walk) or <c>other</c>.</param>
/// <param name="Rights">Letters of <c>rwxuad</c>; null: not present.</param>
/// <param name="SinceOrdinal">The event of the write; null: the entry was never written.</param>
/// <param name="SinceSeq">Its place in the run's history; null like the ordinal.</param>
/// <param name="Function">The function that wrote; null like the ordinal.</param>
/// <param name="Table">The table it points at; null: none, or one that is not known.</param>
public sealed record TreeEntry(
    int Index, ulong Gfn, ulong Value, string Kind, string? Rights, long? SinceOrdinal, long? SinceSeq, string? Function, TreeTable? Table)
{
    private const int FrameShift = 12;
    private const ulong FrameMask = 0xff_ffff_ffff;

    /// <summary>Points at a table.</summary>
    public bool IsLink => Kind is "table" or "root";

    /// <summary>Maps memory.</summary>
    public bool IsLeaf => Kind is "page" or "huge";

    /// <summary>Host frame of the page or table.</summary>
    public ulong Frame => Value >> FrameShift & FrameMask;
}
