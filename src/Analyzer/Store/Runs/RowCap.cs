namespace Replay.Analyzer.Store;

/// <summary>
/// Ends the storing of rows when there are as many as the options allow. What is stored is whole up to
/// <see cref="LastOrdinal"/>.
/// </summary>
internal sealed class RowCap(StoreOptions options)
{
    private long _left = options.MaxRows ?? long.MaxValue;

    /// <summary>No further row is stored.</summary>
    public bool IsReached => LastOrdinal is not null;

    /// <summary>The last ordinal whose rows are stored; null: the cap was not reached.</summary>
    public long? LastOrdinal { get; private set; }

    /// <summary>The rows of the batch that are to be stored.</summary>
    public RowSlice Take(RecordBatch batch)
    {
        var rows = new RowSlice(batch);
        var count = rows.Count;
        if (count <= _left)
        {
            _left -= count;
            return rows;
        }

        var ordinals = rows.Ordinals();
        Array.Sort(ordinals);
        LastOrdinal = ordinals[_left] - 1;
        return rows.UpTo(LastOrdinal.Value);
    }
}
