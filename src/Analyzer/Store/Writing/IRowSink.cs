namespace Replay.Analyzer.Store;

/// <summary>Where the records of one kind go to become rows.</summary>
internal interface IRowSink<T> : IDisposable
    where T : unmanaged
{
    void Insert(ReadOnlySpan<T> records, int run, EntryClassifier entries);
}

/// <summary>How records of one kind become rows of one private table.</summary>
internal interface IRowLayout<T>
    where T : unmanaged
{
    static abstract string Table { get; }

    /// <summary>The columns in the order in which <see cref="Bind"/> adds them.</summary>
    static abstract string Columns { get; }

    static abstract void Bind(in T record, ref RowValues row);
}
