namespace Replay.Analyzer.Store;

/// <summary>A bounded array of records, made when the first one comes.</summary>
internal sealed class RecordBuffer<T>(int capacity)
    where T : unmanaged
{
    private T[] _records = [];

    public int Count { get; private set; }

    public ReadOnlySpan<T> Records => _records.AsSpan(0, Count);

    /// <summary>False: full.</summary>
    public bool TryAdd(in T record)
    {
        var count = Count;
        if (count >= _records.Length)
        {
            if (count != 0)
                return false;
            _records = new T[capacity];
        }

        _records[count] = record;
        Count = count + 1;
        return true;
    }

    public void Clear() => Count = 0;
}
