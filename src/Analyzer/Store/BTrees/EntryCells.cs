namespace Replay.Analyzer.Store.BTrees;

/// <summary>Turns index entries into cells of a tree.</summary>
internal sealed class EntryCells(BTreeBuilder tree, int width)
{
    private readonly int[] _order = [.. Enumerable.Range(0, width)];
    private readonly byte[] _room = new byte[RecordCell.Room];

    public void Append(ReadOnlySpan<long> entry) => tree.Append(RecordCell.Encode(entry, nulls: 0, _order, _room));
}
