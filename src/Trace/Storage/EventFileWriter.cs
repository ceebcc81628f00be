using Parquet;

namespace Replay.Trace.Storage;

/// <summary>Writes one event file, a row group a call.</summary>
internal sealed class EventFileWriter(Stream stream)
{
    private readonly ParquetWriter _writer = Synchronously.Get(ParquetWriter.CreateAsync(EventSchema.Schema, stream, EventSchema.WriteOptions));

    public void Write(List<TraceEvent> events)
    {
        using var group = _writer.CreateRowGroup();
        Write(group, EventSchema.Ordinal, Column(events, static row => row.Ordinal));
        Synchronously.Run(group.WriteAsync(EventSchema.Kind, Column(events, static row => TraceEventKindName.Of(row.Kind))));
        Write(group, EventSchema.Vcpu, Column(events, static row => row.Vcpu));
        Synchronously.Run(group.WriteAsync(EventSchema.Access, Column(events, static row => row.Access is { } access ? AccessKindName.Of(access) : null)));
        WriteNullable(group, EventSchema.Flags, Column(events, static row => (byte?)row.Flags));
        WriteNullable(group, EventSchema.Gva, Column(events, static row => row.Gva));
        WriteNullable(group, EventSchema.Gpa, Column(events, static row => row.Gpa));
        WriteNullable(group, EventSchema.Size, Column(events, static row => row.Size));
        WriteNullable(group, EventSchema.Value, Column(events, static row => row.Value));
        WriteNullable(group, EventSchema.ErrorCode, Column(events, static row => row.ErrorCode));
        WriteNullable(group, EventSchema.Rip, Column(events, static row => row.Rip));
        Synchronously.Run(group.WriteAsync(EventSchema.Detail, Column(events, static row => row.Detail)));
        Synchronously.Run(group.WriteAsync(EventSchema.Data, Column(events, static row => row.Data)));
        group.CompleteValidate();
    }

    /// <summary>Writes the footer.</summary>
    public void Finish() => Synchronously.Run(_writer.DisposeAsync());

    private static T[] Column<T>(List<TraceEvent> events, Func<TraceEvent, T> select)
    {
        var column = new T[events.Count];
        for (var i = 0; i < column.Length; i++)
            column[i] = select(events[i]);
        return column;
    }

    private static void Write<T>(ParquetRowGroupWriter group, Parquet.Schema.DataField field, T[] column)
        where T : struct => Synchronously.Run(group.WriteAsync<T>(field, column));

    private static void WriteNullable<T>(ParquetRowGroupWriter group, Parquet.Schema.DataField field, T?[] column)
        where T : struct => Synchronously.Run(group.WriteAsync<T>(field, column));
}
