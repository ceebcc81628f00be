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

/// <summary>
/// What stands in a record of an observed run for something that its source does not show, and becomes NULL in the database. Runs of
/// the model have no such gaps: there these values are what they are.
/// </summary>
/// <remarks>KVM makes no entry like <see cref="Word"/>, and it is no canonical address.</remarks>
public static class Unseen
{
    /// <summary>An address, an entry, a register.</summary>
    public const ulong Word = 0x7ffe_dead_dead_dead;

    /// <summary>A vCPU, an outcome, a level.</summary>
    public const byte Byte = 255;
}

/// <summary>How much of a history is stored.</summary>
public enum DetailLevel
{
    /// <summary>Everything.</summary>
    All,

    /// <summary>Of the table writes only those from or to an entry that maps memory; everything else in full. The tree cannot be rebuilt from it.</summary>
    Leaf,

    /// <summary>Counters, the summary of writes, chains and notes.</summary>
    Counters,
}
