using Parquet;
using Parquet.Schema;

namespace Replay.Trace.Storage;

/// <summary>Reads one event file out of memory, a row group a call.</summary>
internal sealed class EventFileReader
{
    private readonly ParquetReader _reader;
    private readonly int _vcpus;

    public EventFileReader(Stream content, int vcpus)
    {
        _vcpus = vcpus;
        _reader = Synchronously.Get(ParquetReader.CreateAsync(content));
        if (!_reader.Schema.Equals(EventSchema.Schema))
            throw new InvalidDataException("its columns are not those of this capture");
    }

    public int RowGroups => _reader.RowGroupCount;

    public long Rows => _reader.RowGroups.Sum(group => group.RowCount);

    /// <summary>The last ordinal of a row group, by its statistics.</summary>
    public long LastOrdinal(int group) =>
        _reader.RowGroups[group].GetStatistics(EventSchema.Ordinal)?.MaxValue is long last ? last : throw new InvalidDataException("the ordinals have no statistics");

    /// <summary>Appends the rows of a row group.</summary>
    public void Read(int group, List<TraceEvent> events)
    {
        var rows = _reader.OpenRowGroupReader(group);
        var count = checked((int)rows.RowCount);
        var ordinals = new long[count];
        var vcpus = new byte[count];
        Synchronously.Run(rows.ReadAsync<long>(EventSchema.Ordinal, ordinals));
        Synchronously.Run(rows.ReadAsync<byte>(EventSchema.Vcpu, vcpus));
        var kinds = Text(rows, EventSchema.Kind, count);
        var accesses = Text(rows, EventSchema.Access, count);
        var flags = Nullable<byte>(rows, EventSchema.Flags, count);
        var gvas = Nullable<ulong>(rows, EventSchema.Gva, count);
        var gpas = Nullable<ulong>(rows, EventSchema.Gpa, count);
        var sizes = Nullable<uint>(rows, EventSchema.Size, count);
        var values = Nullable<ulong>(rows, EventSchema.Value, count);
        var errorCodes = Nullable<uint>(rows, EventSchema.ErrorCode, count);
        var rips = Nullable<ulong>(rows, EventSchema.Rip, count);
        var details = Text(rows, EventSchema.Detail, count);
        var data = new byte[]?[count];
        Synchronously.Run(rows.ReadAsync(EventSchema.Data, data));
        if (vcpus.AsSpan().IndexOfAnyExceptInRange((byte)0, (byte)(_vcpus - 1)) >= 0)
            throw new InvalidDataException($"an event is on a vCPU beyond the {_vcpus} of the manifest");
        for (var i = 0; i < count; i++)
        {
            events.Add(new TraceEvent
            {
                Ordinal = ordinals[i],
                Kind = KindOf(kinds[i]),
                Vcpu = vcpus[i],
                Access = AccessOf(accesses[i]),
                Flags = (AccessFlags?)flags[i],
                Gva = gvas[i],
                Gpa = gpas[i],
                Size = sizes[i],
                Value = values[i],
                ErrorCode = errorCodes[i],
                Rip = rips[i],
                Detail = details[i],
                Data = data[i],
            });
        }
    }

    private static TraceEventKind KindOf(string? name) =>
        name is not null && TraceEventKindName.TryParse(name, out var kind) ? kind : throw new InvalidDataException($"'{name}' is no event kind");

    private static AccessKind? AccessOf(string? name)
    {
        if (name is null)
            return null;
        return AccessKindName.TryParse(name, out var kind) ? kind : throw new InvalidDataException($"'{name}' is no access kind");
    }

    private static string?[] Text(ParquetRowGroupReader rows, DataField field, int count)
    {
        var column = new string?[count];
        Synchronously.Run(rows.ReadAsync(field, column));
        return column;
    }

    private static T?[] Nullable<T>(ParquetRowGroupReader rows, DataField field, int count)
        where T : struct
    {
        var column = new T?[count];
        Synchronously.Run(rows.ReadAsync<T>(field, column));
        return column;
    }
}
