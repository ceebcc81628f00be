using Replay.Analyzer.Observed;
using Replay.Replayer.History;

namespace Replay.Analyzer.Store;

/// <summary>The part of a batch that only observed runs fill.</summary>
internal sealed class ObservedBatch
{
    public TraceEventBuffer Events { get; } = new();

    public List<(TablePageRecord Page, uint Mask)> EarlierPages { get; } = [];

    public List<(TablePageRecord Page, uint Mask)> RoleMasks { get; } = [];

    public List<PageFacts> Facts { get; } = [];

    public int Count => Events.Count + EarlierPages.Count + RoleMasks.Count + Facts.Count;

    public void Clear()
    {
        Events.Clear();
        EarlierPages.Clear();
        RoleMasks.Clear();
        Facts.Clear();
    }
}

/// <summary>Events of a trace on their way to the database, with the text of their fields behind each other.</summary>
internal sealed class TraceEventBuffer
{
    private const int Capacity = 8192;

    private readonly List<Entry> _events = [];
    private byte[] _text = [];
    private int _used;

    public int Count => _events.Count;

    public bool TryAdd(in TraceEventRow trace, ReadOnlySpan<byte> fields)
    {
        if (_events.Count == Capacity)
            return false;
        if (_used + fields.Length > _text.Length)
            Array.Resize(ref _text, Math.Max(2 * _text.Length, _used + Math.Max(fields.Length, 1 << 16)));
        fields.CopyTo(_text.AsSpan(_used));
        _events.Add(new Entry(trace, _used, fields.Length));
        _used += fields.Length;
        return true;
    }

    public void Clear()
    {
        _events.Clear();
        _used = 0;
    }

    public void Insert(NativeConnection connection, int run)
    {
        if (_events.Count == 0)
            return;
        using var insert = connection.Prepare(
            "INSERT INTO _trace_event (run, ordinal, line, time, cpu, pid, task_id, name_id, fields) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)");
        foreach (var (trace, start, length) in _events)
        {
            insert.BindInt64(1, run);
            insert.BindInt64(2, trace.Ordinal);
            insert.BindInt64(3, trace.Line);
            insert.BindInt64(4, trace.Time);
            insert.BindInt64(5, trace.Cpu);
            insert.BindInt64(6, trace.Pid);
            insert.BindInt64(7, trace.TaskId);
            insert.BindInt64(8, trace.NameId);
            insert.BindText(9, _text.AsSpan(start, length));
            insert.Step();
            insert.Reset();
        }
    }

    private readonly record struct Entry(TraceEventRow Trace, int Start, int Length);
}
