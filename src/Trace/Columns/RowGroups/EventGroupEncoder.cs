using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;

namespace Replay.Trace.Columns;

/// <summary>Encodes a block of events as one row group. Its buffers are reused from block to block.</summary>
internal sealed class EventGroupEncoder(ColumnChunkWriter writer, bool wholeByteDeltas)
{
    private const int PageShift = 12;
    private const ulong OffsetMask = (1UL << PageShift) - 1;

    private static readonly byte[] AccessKinds = TextDictionary.Page(AccessKindName.All);

    private readonly WideDictionary _dictionary = new();
    private long[] _ordinals = [];
    private byte[] _levels = [];
    private ulong[] _values = [];
    private uint[] _words = [];
    private ushort[] _indexes = [];
    private byte[] _narrow = [];
    private byte[] _page = [];

    private delegate ulong? Select(in TraceEvent row);

    private delegate ReadOnlySpan<byte> SelectBytes(in TraceEvent row, out bool isNull);

    public RowGroupMeta Encode(ReadOnlySpan<TraceEvent> rows)
    {
        MakeRoom(rows.Length);
        var columns = new ColumnChunkMeta[EventColumn.All.Length];
        var at = 0;
        columns[at++] = Ordinals(rows);
        columns[at++] = Kinds(rows);
        columns[at++] = Indexed(EventColumn.Vcpu, rows, static (in row) => row.Vcpu);
        columns[at++] = Accesses(rows);
        columns[at++] = Indexed(EventColumn.Flags, rows, static (in row) => (ulong?)row.Flags);
        columns[at++] = Indexed(EventColumn.GvaPage, rows, static (in row) => row.Gva >> PageShift);
        columns[at++] = Indexed(EventColumn.GpaPage, rows, static (in row) => row.Gpa >> PageShift);
        columns[at++] = Plain(EventColumn.PageOffset, rows, static (in row) => (row.Gva ?? row.Gpa ?? row.L2Gpa) & OffsetMask);
        columns[at++] = Indexed(EventColumn.Size, rows, static (in row) => row.Size);
        columns[at++] = Plain(EventColumn.Value, rows, static (in row) => row.Value);
        columns[at++] = Plain(EventColumn.ErrorCode, rows, static (in row) => row.ErrorCode);
        columns[at++] = Indexed(EventColumn.Rip, rows, static (in row) => row.Rip);
        columns[at++] = Blobs(EventColumn.Detail, rows, Detail);
        columns[at++] = Blobs(EventColumn.Data, rows, Data);
        columns[at] = Indexed(EventColumn.L2GpaPage, rows, static (in row) => row.L2Gpa >> PageShift);
        return new RowGroupMeta(rows.Length, columns) { SortedBy = 0 };
    }

    private static ReadOnlySpan<byte> Detail(in TraceEvent row, out bool isNull)
    {
        isNull = row.Detail is null;
        return isNull ? [] : Encoding.UTF8.GetBytes(row.Detail!);
    }

    private static ReadOnlySpan<byte> Data(in TraceEvent row, out bool isNull)
    {
        isNull = row.Data is null;
        return row.Data;
    }

    private void MakeRoom(int rows)
    {
        if (_levels.Length >= rows)
            return;
        _ordinals = new long[rows];
        _levels = new byte[rows];
        _values = new ulong[rows];
        _words = new uint[rows];
        _indexes = new ushort[rows];
        _narrow = new byte[rows];
        _page = new byte[Math.Max(DeltaEncoder.MaxBytes(rows), LevelBytes(rows) + Math.Max(rows * sizeof(ulong), IndexEncoder.MaxBytes(rows)))];
    }

    /// <summary>Bytes that the definition levels take at most.</summary>
    private static int LevelBytes(int rows) => sizeof(int) + IndexEncoder.MaxBytes(rows);

    private ColumnChunkMeta Ordinals(ReadOnlySpan<TraceEvent> rows)
    {
        for (var i = 0; i < rows.Length; i++)
            _ordinals[i] = rows[i].Ordinal;
        var length = DeltaEncoder.Encode(_ordinals.AsSpan(0, rows.Length), _page, wholeByteDeltas);
        return writer.Write(EventColumn.Ordinal, [], 0, _page.AsSpan(0, length), rows.Length, ((ulong)rows[0].Ordinal, (ulong)rows[^1].Ordinal));
    }

    /// <summary>The dictionary has the kinds that there are, as text.</summary>
    private ColumnChunkMeta Kinds(ReadOnlySpan<TraceEvent> rows)
    {
        for (var i = 0; i < rows.Length; i++)
            _values[i] = (ulong)rows[i].Kind;
        _dictionary.Index(_values.AsSpan(0, rows.Length), 0, _indexes);
        var names = new string[_dictionary.Count];
        for (var i = 0; i < names.Length; i++)
            names[i] = TraceEventKindName.Of((TraceEventKind)_dictionary.Entries[i]);
        var length = Indexes(rows.Length, names.Length, _page);
        return writer.Write(EventColumn.Kind, TextDictionary.Page(names), names.Length, _page.AsSpan(0, length), rows.Length, null);
    }

    private ColumnChunkMeta Accesses(ReadOnlySpan<TraceEvent> rows)
    {
        var count = Gather(rows, static (in row) => (ulong?)row.Access);
        var at = Levels(rows.Length, count);
        for (var i = 0; i < count; i++)
            _narrow[i] = (byte)_values[i];
        if (count > 0)
            at += IndexEncoder.Encode(_narrow.AsSpan(0, count), AccessKindName.All.Length, _page.AsSpan(at));
        return writer.Write(EventColumn.Access, count > 0 ? AccessKinds : [], AccessKindName.All.Length, _page.AsSpan(0, at), rows.Length, null, rows.Length - count);
    }

    private ColumnChunkMeta Indexed(FileColumn column, ReadOnlySpan<TraceEvent> rows, Select select)
    {
        var count = Gather(rows, select);
        var at = column.IsOptional ? Levels(rows.Length, count) : 0;
        _dictionary.Index(_values.AsSpan(0, count), 0, _indexes);
        if (count > 0)
            at += Indexes(count, _dictionary.Count, _page.AsSpan(at));
        return writer.Write(column, Stored(column, _dictionary.Entries), _dictionary.Count, _page.AsSpan(0, at), rows.Length, Range(column, _dictionary.Entries), rows.Length - count);
    }

    private ColumnChunkMeta Plain(FileColumn column, ReadOnlySpan<TraceEvent> rows, Select select)
    {
        var count = Gather(rows, select);
        var at = Levels(rows.Length, count);
        var values = _values.AsSpan(0, count);
        var stored = Stored(column, values);
        stored.CopyTo(_page.AsSpan(at));
        return writer.Write(column, [], 0, _page.AsSpan(0, at + stored.Length), rows.Length, Range(column, values), rows.Length - count);
    }

    private ColumnChunkMeta Blobs(FileColumn column, ReadOnlySpan<TraceEvent> rows, SelectBytes select)
    {
        var count = 0;
        for (var i = 0; i < rows.Length; i++)
        {
            select(rows[i], out var isNull);
            _levels[i] = isNull ? (byte)0 : (byte)1;
            count += _levels[i];
        }
        var at = Levels(rows.Length, count);
        for (var i = 0; count > 0 && i < rows.Length; i++)
        {
            if (_levels[i] == 0)
                continue;
            var bytes = select(rows[i], out _);
            if (_page.Length - at < sizeof(int) + bytes.Length)
                Array.Resize(ref _page, Math.Max(2 * _page.Length, at + sizeof(int) + bytes.Length));
            BinaryPrimitives.WriteInt32LittleEndian(_page.AsSpan(at), bytes.Length);
            bytes.CopyTo(_page.AsSpan(at + sizeof(int)));
            at += sizeof(int) + bytes.Length;
        }
        return writer.Write(column, [], 0, _page.AsSpan(0, at), rows.Length, null, rows.Length - count);
    }

    /// <summary>Fills the levels, and the values of the rows that have one.</summary>
    /// <returns>How many have.</returns>
    private int Gather(ReadOnlySpan<TraceEvent> rows, Select select)
    {
        var count = 0;
        for (var i = 0; i < rows.Length; i++)
        {
            var value = select(rows[i]);
            _values[count] = value.GetValueOrDefault();
            _levels[i] = value.HasValue ? (byte)1 : (byte)0;
            count += _levels[i];
        }
        return count;
    }

    /// <summary>Begins a page with its definition levels.</summary>
    /// <returns>Bytes written.</returns>
    private int Levels(int rows, int count)
    {
        if (count == rows)
            _levels.AsSpan(0, rows).Fill(1);
        var length = IndexEncoder.EncodeLevels(_levels.AsSpan(0, rows), _page.AsSpan(sizeof(int)));
        BinaryPrimitives.WriteInt32LittleEndian(_page, length);
        return sizeof(int) + length;
    }

    private int Indexes(int count, int entries, Span<byte> into)
    {
        if (entries > 256)
            return IndexEncoder.Encode(_indexes.AsSpan(0, count), into);
        for (var i = 0; i < count; i++)
            _narrow[i] = (byte)_indexes[i];
        return IndexEncoder.Encode(_narrow.AsSpan(0, count), entries, into);
    }

    private ReadOnlySpan<byte> Stored(FileColumn column, ReadOnlySpan<ulong> values)
    {
        if (column.Type == PhysicalType.Int64)
            return MemoryMarshal.AsBytes(values);
        for (var i = 0; i < values.Length; i++)
            _words[i] = (uint)values[i];
        return MemoryMarshal.AsBytes(_words.AsSpan(0, values.Length));
    }

    private static (ulong Min, ulong Max)? Range(FileColumn column, ReadOnlySpan<ulong> values) =>
        column.Type == PhysicalType.Int64 && !values.IsEmpty ? RowGroupEncoder.Range(values) : null;
}
