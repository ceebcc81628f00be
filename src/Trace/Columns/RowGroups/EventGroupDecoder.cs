using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;

namespace Replay.Trace.Columns;

/// <summary>Decodes one row group of events. Allocates, once it has run, nothing but the documents and page contents it returns.</summary>
internal sealed class EventGroupDecoder(int vcpus) : IDisposable
{
    private const int PageShift = 12;
    private const ulong OffsetMask = (1UL << PageShift) - 1;

    /// <summary>A page of blobs is as long as they are; this is beyond any that is written.</summary>
    private const int MaxPageBytes = 1 << 28;

    private readonly PageReader _pages = new(MaxPageBytes);
    private readonly ulong[] _entries = new ulong[TraceChunk.Capacity];
    private readonly OptionalNumbers _accesses = new();
    private readonly OptionalNumbers _flags = new();
    private readonly OptionalNumbers _gvaPages = new();
    private readonly OptionalNumbers _gpaPages = new();
    private readonly OptionalNumbers _l2GpaPages = new();
    private readonly OptionalNumbers _offsets = new();
    private readonly OptionalNumbers _sizes = new();
    private readonly OptionalNumbers _values = new();
    private readonly OptionalNumbers _errorCodes = new();
    private readonly OptionalNumbers _rips = new();
    private long[] _ordinals = [];
    private byte[] _narrow = [];
    private ushort[] _wide = [];
    private ulong[] _dense = [];
    private byte[] _levels = [];
    private byte[] _noLevels = [];
    private byte[] _kinds = [];
    private byte[] _vcpus = [];
    private string?[] _details = [];
    private byte[]?[] _data = [];

    /// <summary>Appends the rows of a row group.</summary>
    /// <exception cref="InvalidDataException">The row group is not one that <see cref="EventGroupEncoder"/> wrote.</exception>
    public void Decode(ReadOnlySpan<byte> file, RowGroupMeta group, List<TraceEvent> events)
    {
        var rows = group.Rows;
        var columns = group.Columns;
        MakeRoom(rows);
        DeltaDecoder.Decode(_pages.Data(file, EventColumn.Ordinal, columns[0]), _ordinals.AsSpan(0, rows));
        Kinds(file, columns[1], _kinds.AsSpan(0, rows));
        Vcpus(file, columns[2], _vcpus.AsSpan(0, rows));
        Accesses(file, columns[3], rows);
        Numbers(file, EventColumn.Flags, columns[4], rows, byte.MaxValue, _flags);
        Numbers(file, EventColumn.GvaPage, columns[5], rows, ulong.MaxValue >> PageShift, _gvaPages);
        Numbers(file, EventColumn.GpaPage, columns[6], rows, ulong.MaxValue >> PageShift, _gpaPages);
        Numbers(file, EventColumn.PageOffset, columns[7], rows, OffsetMask, _offsets);
        Numbers(file, EventColumn.Size, columns[8], rows, uint.MaxValue, _sizes);
        Numbers(file, EventColumn.Value, columns[9], rows, ulong.MaxValue, _values);
        Numbers(file, EventColumn.ErrorCode, columns[10], rows, uint.MaxValue, _errorCodes);
        Numbers(file, EventColumn.Rip, columns[11], rows, ulong.MaxValue, _rips);
        var hasDetails = Blobs(file, EventColumn.Detail, columns[12], rows, static bytes => Encoding.UTF8.GetString(bytes), _details);
        var hasData = Blobs(file, EventColumn.Data, columns[13], rows, static bytes => bytes.ToArray(), _data);
        if (columns.Length > EventColumn.Of(1).Length)
            Numbers(file, EventColumn.L2GpaPage, columns[14], rows, ulong.MaxValue >> PageShift, _l2GpaPages);
        else
            _l2GpaPages.Spread(_noLevels.AsSpan(0, rows), []);
        CheckAddresses(rows);
        Assemble(events, rows, hasDetails, hasData);
    }

    /// <summary>The pages that a row group has something at: the dictionary of a column.</summary>
    public HashSet<ulong> PagesOf(ReadOnlySpan<byte> file, FileColumn column, ColumnChunkMeta chunk) =>
        chunk.DictionaryOffset is null ? [] : [.. MemoryMarshal.Cast<byte, ulong>(_pages.Dictionary(file, column, chunk, out _))];

    /// <summary>Whether a row group has an event of a kind: the dictionary of the kinds.</summary>
    public bool Holds(ReadOnlySpan<byte> file, ColumnChunkMeta chunk, TraceEventKind kind)
    {
        Span<byte> kinds = stackalloc byte[byte.MaxValue + 1];
        return kinds[..KindDictionary(file, chunk, kinds)].Contains((byte)kind);
    }

    public void Dispose() => _pages.Dispose();

    private void MakeRoom(int rows)
    {
        if (_ordinals.Length >= rows)
            return;
        _ordinals = new long[rows];
        _narrow = new byte[rows];
        _wide = new ushort[rows];
        _dense = new ulong[rows];
        _levels = new byte[rows];
        _noLevels = new byte[rows];
        _kinds = new byte[rows];
        _vcpus = new byte[rows];
        _details = new string?[rows];
        _data = new byte[]?[rows];
    }

    private void Assemble(List<TraceEvent> events, int rows, bool hasDetails, bool hasData)
    {
        var first = events.Count;
        CollectionsMarshal.SetCount(events, first + rows);
        var target = CollectionsMarshal.AsSpan(events)[first..];
        for (var i = 0; i < target.Length; i++)
        {
            var offset = _offsets.Values[i];
            target[i] = new TraceEvent
            {
                Ordinal = _ordinals[i],
                Kind = (TraceEventKind)_kinds[i],
                Vcpu = _vcpus[i],
                Access = _accesses.Has[i] != 0 ? (AccessKind)_accesses.Values[i] : null,
                Flags = _flags.Has[i] != 0 ? (AccessFlags)_flags.Values[i] : null,
                Gva = _gvaPages.Has[i] != 0 ? (_gvaPages.Values[i] << PageShift) | offset : null,
                Gpa = _gpaPages.Has[i] != 0 ? (_gpaPages.Values[i] << PageShift) | offset : null,
                L2Gpa = _l2GpaPages.Has[i] != 0 ? (_l2GpaPages.Values[i] << PageShift) | offset : null,
                Size = _sizes.Has[i] != 0 ? (uint)_sizes.Values[i] : null,
                Value = _values.Has[i] != 0 ? _values.Values[i] : null,
                ErrorCode = _errorCodes.Has[i] != 0 ? (uint)_errorCodes.Values[i] : null,
                Rip = _rips.Has[i] != 0 ? _rips.Values[i] : null,
                Detail = hasDetails ? _details[i] : null,
                Data = hasData ? _data[i] : null,
            };
        }
        if (hasDetails)
            Array.Clear(_details);
        if (hasData)
            Array.Clear(_data);
    }

    /// <summary>There is an offset exactly where there is an address.</summary>
    private void CheckAddresses(int rows)
    {
        var wrong = 0;
        for (var i = 0; i < rows; i++)
            wrong |= (_gvaPages.Has[i] | _gpaPages.Has[i] | _l2GpaPages.Has[i]) ^ _offsets.Has[i];
        if (wrong != 0)
            throw new InvalidDataException("an address lacks its page or its offset");
    }

    private void Kinds(ReadOnlySpan<byte> file, ColumnChunkMeta chunk, Span<byte> kinds)
    {
        Span<byte> map = stackalloc byte[byte.MaxValue + 1];
        var entries = KindDictionary(file, chunk, map);
        IndexDecoder.Decode(_pages.Data(file, EventColumn.Kind, chunk), entries, kinds);
        for (var i = 0; i < kinds.Length; i++)
            kinds[i] = map[kinds[i]];
    }

    private int KindDictionary(ReadOnlySpan<byte> file, ColumnChunkMeta chunk, Span<byte> kinds)
    {
        var dictionary = _pages.Dictionary(file, EventColumn.Kind, chunk, out var entries);
        if (entries > kinds.Length)
            throw new InvalidDataException("there are more kinds of event than there can be");
        for (var i = 0; i < entries; i++)
        {
            var name = Encoding.UTF8.GetString(TakeBlob(ref dictionary));
            kinds[i] = TraceEventKindName.TryParse(name, out var kind) ? (byte)kind : throw new InvalidDataException($"'{name}' is no event kind");
        }
        return entries;
    }

    private void Vcpus(ReadOnlySpan<byte> file, ColumnChunkMeta chunk, Span<byte> into)
    {
        var entries = Dictionary(file, EventColumn.Vcpu, chunk, (ulong)vcpus - 1);
        Indexed(_pages.Data(file, EventColumn.Vcpu, chunk), entries, _dense.AsSpan(0, into.Length));
        for (var i = 0; i < into.Length; i++)
            into[i] = (byte)_dense[i];
    }

    private void Accesses(ReadOnlySpan<byte> file, ColumnChunkMeta chunk, int rows)
    {
        var data = _pages.Data(file, EventColumn.Access, chunk);
        var count = Levels(ref data, rows);
        if (count > 0)
        {
            if (!_pages.Dictionary(file, EventColumn.Access, chunk, out var entries).SequenceEqual(RowGroupEncoder.AccessKinds))
                throw new InvalidDataException("access has other kinds than captures have");
            IndexDecoder.Decode(data, entries, _narrow.AsSpan(0, count));
            for (var i = 0; i < count; i++)
                _dense[i] = _narrow[i];
        }
        _accesses.Spread(_levels.AsSpan(0, rows), _dense.AsSpan(0, count));
    }

    private void Numbers(ReadOnlySpan<byte> file, FileColumn column, ColumnChunkMeta chunk, int rows, ulong max, OptionalNumbers into)
    {
        var data = _pages.Data(file, column, chunk);
        var count = Levels(ref data, rows);
        var dense = _dense.AsSpan(0, count);
        if (count > 0 && column.Encoding == PageEncoding.RleDictionary)
            Indexed(data, Dictionary(file, column, chunk, max), dense);
        else
            Plain(data, column, max, dense);
        into.Spread(_levels.AsSpan(0, rows), dense);
    }

    /// <summary>Takes the definition levels off a page.</summary>
    /// <returns>How many rows have a value.</returns>
    private int Levels(ref ReadOnlySpan<byte> page, int rows)
    {
        var length = page.Length >= sizeof(int) ? BinaryPrimitives.ReadInt32LittleEndian(page) : -1;
        if (length < 0 || length > page.Length - sizeof(int))
            throw new InvalidDataException("definition levels are longer than their page");
        var levels = _levels.AsSpan(0, rows);
        IndexDecoder.DecodeLevels(page.Slice(sizeof(int), length), levels);
        page = page[(sizeof(int) + length)..];
        return levels.Count((byte)1);
    }

    /// <returns>The number of entries, now in <see cref="_entries"/>.</returns>
    private int Dictionary(ReadOnlySpan<byte> file, FileColumn column, ColumnChunkMeta chunk, ulong max)
    {
        var page = _pages.Dictionary(file, column, chunk, out var entries);
        Plain(page, column, max, _entries.AsSpan(0, entries));
        return entries;
    }

    private static void Plain(ReadOnlySpan<byte> page, FileColumn column, ulong max, Span<ulong> into)
    {
        if (page.Length != into.Length * (column.Type == PhysicalType.Int64 ? sizeof(ulong) : sizeof(uint)))
            throw new InvalidDataException($"a page of {column.Name} has another length");
        if (column.Type == PhysicalType.Int64)
            MemoryMarshal.Cast<byte, ulong>(page).CopyTo(into);
        else
            Widen(MemoryMarshal.Cast<byte, uint>(page), into);
        if (max != ulong.MaxValue && into.IndexOfAnyExceptInRange(0UL, max) >= 0)
            throw new InvalidDataException($"{column.Name} has values above {max}");
    }

    private static void Widen(ReadOnlySpan<uint> values, Span<ulong> into)
    {
        for (var i = 0; i < values.Length; i++)
            into[i] = values[i];
    }

    private void Indexed(ReadOnlySpan<byte> page, int entries, Span<ulong> into)
    {
        if (IndexDecoder.IsWide(page))
        {
            var wide = _wide.AsSpan(0, into.Length);
            IndexDecoder.Decode(page, entries, wide);
            for (var i = 0; i < into.Length; i++)
                into[i] = _entries[wide[i]];
        }
        else
        {
            var narrow = _narrow.AsSpan(0, into.Length);
            IndexDecoder.Decode(page, entries, narrow);
            for (var i = 0; i < into.Length; i++)
                into[i] = _entries[narrow[i]];
        }
    }

    /// <returns>Whether any row has a value.</returns>
    private bool Blobs<T>(ReadOnlySpan<byte> file, FileColumn column, ColumnChunkMeta chunk, int rows, Func<ReadOnlySpan<byte>, T> make, T?[] into)
        where T : class
    {
        var data = _pages.Data(file, column, chunk);
        if (Levels(ref data, rows) == 0)
            return false;
        for (var i = 0; i < rows; i++)
            into[i] = _levels[i] == 0 ? null : make(TakeBlob(ref data));
        return true;
    }

    private static ReadOnlySpan<byte> TakeBlob(ref ReadOnlySpan<byte> page)
    {
        var length = page.Length >= sizeof(int) ? BinaryPrimitives.ReadInt32LittleEndian(page) : -1;
        if (length < 0 || length > page.Length - sizeof(int))
            throw new InvalidDataException("bytes are longer than their page");
        var blob = page.Slice(sizeof(int), length);
        page = page[(sizeof(int) + length)..];
        return blob;
    }
}
