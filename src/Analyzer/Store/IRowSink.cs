namespace Replay.Analyzer.Store;

/// <summary>Where the records of one kind go to become rows.</summary>
internal interface IRowSink<T> : IDisposable
    where T : unmanaged
{
    void Insert(ReadOnlySpan<T> records, int run, EntryClassifier entries);
}
