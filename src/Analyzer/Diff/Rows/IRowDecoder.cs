namespace Replay.Analyzer.Diff.Rows;

/// <summary>Makes <see cref="DiffRow"/>s of one kind of record.</summary>
internal interface IRowDecoder
{
    /// <summary>The columns it reads, <c>ordinal</c> first, and the table.</summary>
    static abstract string Select { get; }

    /// <summary>The order of history, as the table's key has it.</summary>
    static abstract string KeyOrder { get; }

    /// <summary>How many sorts there are.</summary>
    static abstract int Sorts { get; }

    /// <summary>Fills all but the ordinal from the statement's present row.</summary>
    void Decode(nint statement, ref DiffRow row);
}
