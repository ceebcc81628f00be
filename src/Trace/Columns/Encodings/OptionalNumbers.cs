namespace Replay.Trace.Columns;

/// <summary>One optional column of a row group, a place for every row.</summary>
internal sealed class OptionalNumbers
{
    /// <summary>1 where the row has a value.</summary>
    public byte[] Has { get; private set; } = [];

    /// <summary>The value, or anything where there is none.</summary>
    public ulong[] Values { get; private set; } = [];

    /// <summary>Gives each value the row that has it.</summary>
    /// <param name="levels">1 for each row that has a value.</param>
    /// <param name="dense">The values of those rows.</param>
    public void Spread(ReadOnlySpan<byte> levels, ReadOnlySpan<ulong> dense)
    {
        if (Has.Length < levels.Length)
        {
            Has = new byte[levels.Length];
            Values = new ulong[levels.Length];
        }
        levels.CopyTo(Has);
        if (dense.IsEmpty)
            return;
        if (dense.Length == levels.Length)
        {
            dense.CopyTo(Values);
            return;
        }
        var values = Values.AsSpan(0, levels.Length);
        var next = 0;
        for (var i = 0; i < values.Length; i++)
        {
            // The value behind the last row's is read, never used.
            values[i] = dense[Math.Min(next, dense.Length - 1)];
            next += levels[i];
        }
    }
}
