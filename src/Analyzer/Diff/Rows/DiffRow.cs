namespace Replay.Analyzer.Diff.Rows;

/// <summary>One record of a run, packed for comparing.</summary>
internal struct DiffRow
{
    /// <summary>The trace event.</summary>
    public long Ordinal;

    /// <summary>What must be equal for two records to be alike across modes and entry formats.</summary>
    public ulong KeyHigh;

    /// <summary>The rest of it.</summary>
    public ulong KeyLow;

    /// <summary>What must be equal as well for two records to be the same to the last bit.</summary>
    public ulong Strict1;

    /// <summary>The rest of it.</summary>
    public ulong Strict2;

    /// <summary>What it is counted under.</summary>
    public int Sort;

    /// <summary>Counted under a sort, but not compared: a record that the other side cannot have.</summary>
    public bool IsApart;

    public readonly bool IsLike(in DiffRow other) => KeyHigh == other.KeyHigh && KeyLow == other.KeyLow;

    public readonly bool IsSame(in DiffRow other) =>
        IsLike(other) && Strict1 == other.Strict1 && Strict2 == other.Strict2 && Sort == other.Sort;

    public static int Compare(DiffRow left, DiffRow right)
    {
        var high = left.KeyHigh.CompareTo(right.KeyHigh);
        return high != 0 ? high : left.KeyLow.CompareTo(right.KeyLow);
    }
}
