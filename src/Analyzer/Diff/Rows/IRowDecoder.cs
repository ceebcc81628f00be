namespace Replay.Analyzer.Diff.Rows;

/// <summary>Makes <see cref="DiffRow"/>s of one kind of record.</summary>
internal interface IRowDecoder
{
    static abstract string Table { get; }

    /// <summary>The columns it reads, <c>ordinal</c> first.</summary>
    static abstract string Columns { get; }

    /// <summary>The order of history, as the table's key has it.</summary>
    static abstract string KeyOrder { get; }

    /// <summary>How many sorts there are.</summary>
    static abstract int Sorts { get; }

    /// <summary>Fills all but the ordinal.</summary>
    /// <param name="columns">The columns of a row; NULL is 0.</param>
    /// <param name="row">What is filled.</param>
    void Decode(ReadOnlySpan<long> columns, ref DiffRow row);
}
