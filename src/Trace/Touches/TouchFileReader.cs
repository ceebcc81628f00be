using System.Globalization;
using System.Runtime.InteropServices;
using Replay.Trace.Columns;
using Replay.Trace.Storage;

namespace Replay.Trace.Touches;

/// <summary>Reads the touch index of one part after the other: shows the row groups of the access file, each with its touches alone.</summary>
internal sealed class TouchFileReader(bool hasRips, int vcpus, WholeRowGroups whole) : IAccessGroups, IDisposable
{
    private readonly RowGroupDecoder _decoder = new(vcpus);
    private readonly TraceChunk _touches = new();
    private readonly long[] _numbers = new long[TraceChunk.Capacity];
    private readonly int[] _rows = new int[TraceChunk.Capacity];
    private ReadOnlyMemory<byte> _content;
    private RowGroupMeta[] _groups = [];
    private AccessGroup[] _accessGroups = [];
    private int _decoded = -1;
    private int _part;

    public int RowGroups => _accessGroups.Length;

    public long Rows => _accessGroups.Length == 0 ? 0 : _accessGroups[^1].First + _accessGroups[^1].Rows;

    /// <param name="content">The file.</param>
    /// <param name="part">Whose index it is to be.</param>
    /// <param name="number">Its number.</param>
    /// <returns>Null, or why it is of no use.</returns>
    /// <exception cref="InvalidDataException">Its checksum holds, but it is no touch index.</exception>
    public string? Open(ReadOnlyMemory<byte> content, CapturePart part, int number)
    {
        if (!TouchMetadata.IsSealed(content.Span))
            return "is damaged";
        var footer = ParquetFile.Footer(content.Span);
        var metadata = FooterReader.ReadMetadata(footer);
        if (metadata.GetValueOrDefault(TouchMetadata.Rule) != TouchTable.Rule)
            return "was made by another rule";
        if (metadata.GetValueOrDefault(TouchMetadata.Accesses) != part.AccessSha256)
            return $"is not of this {part.AccessFile}";
        _groups = FooterReader.Read(footer, AccessColumn.Touches(hasRips));
        _accessGroups = ReadGroups(metadata.GetValueOrDefault(TouchMetadata.RowGroups) ?? "");
        _content = content;
        _decoded = -1;
        _part = number;
        return null;
    }

    public int RowsOf(int group) => _accessGroups[group].Rows;

    public long LastOrdinal(int group) => _accessGroups[group].LastOrdinal;

    /// <summary>The touches of a row group. The rest can be had from the chunk.</summary>
    public void Read(int group, TraceChunk chunk)
    {
        var (first, rows, lastOrdinal, checksum) = _accessGroups[group];
        Decode(first);
        var numbers = _numbers.AsSpan(0, _touches.AccessCount);
        var start = numbers.BinarySearch(first);
        if (start < 0)
            throw new InvalidDataException("a row group does not begin with a touch");
        var end = numbers.BinarySearch(first + rows);
        if (end < 0)
            end = ~end;
        for (var i = start; i < end; i++)
            _rows[i - start] = (int)(numbers[i] - first);
        if (!IsAscending(_rows.AsSpan(0, end - start)))
            throw new InvalidDataException("touches do not ascend");
        chunk.HasRips = hasRips;
        chunk.AppendAccesses(_touches, start, end - start);
        chunk.MakeSparse().Set(_rows.AsSpan(0, end - start), rows, lastOrdinal, new RowGroupPlace(whole, _part, group, rows, lastOrdinal, checksum));
    }

    public uint ChecksumOf(int group) => _accessGroups[group].Checksum;

    /// <summary>The row groups of the access file that have an access that is sought: each has a touch of every page, kind and privilege in it.</summary>
    public int[] Find(AccessSearch search)
    {
        var found = new List<int>();
        for (var i = 0; i < _groups.Length; i++)
        {
            var columns = _groups[i].Columns;
            if (!search.MayBeIn(_decoder.PagesOf(_content.Span, AccessColumn.GvaPage, columns[5]), _decoder.PagesOf(_content.Span, AccessColumn.GpaPage, columns[6])))
                continue;
            Decode((long)columns[^1].Range!.Value.Min);
            for (var touch = 0; touch < _touches.AccessCount; touch++)
            {
                if (!search.Takes(_touches, touch))
                    continue;
                var group = GroupOf(_numbers[touch]);
                if (found.Count == 0 || found[^1] != group)
                    found.Add(group);
            }
        }
        return [.. found];
    }

    public void Dispose() => _decoder.Dispose();

    private int GroupOf(long row)
    {
        var low = 0;
        for (var high = _accessGroups.Length - 1; low < high;)
        {
            var middle = (low + high + 1) / 2;
            if (_accessGroups[middle].First <= row)
                low = middle;
            else
                high = middle - 1;
        }
        return low;
    }

    private static bool IsAscending(ReadOnlySpan<int> rows)
    {
        for (var i = 1; i < rows.Length; i++)
        {
            if (rows[i] <= rows[i - 1])
                return false;
        }
        return true;
    }

    /// <summary>Decodes the row group of the index that has a row.</summary>
    private void Decode(long row)
    {
        var group = Array.FindLastIndex(_groups, group => group.Columns[^1].Range is { } range && (long)range.Min <= row);
        if (group < 0)
            throw new InvalidDataException("a row group has no touches");
        if (group == _decoded)
            return;
        _decoded = -1;
        if (_groups[group].Rows > TraceChunk.Capacity)
            throw new InvalidDataException("a row group has too many touches");
        _decoder.DecodeTouches(_content.Span, _groups[group], _touches, _numbers, hasRips);
        _decoded = group;
    }

    private static AccessGroup[] ReadGroups(string text)
    {
        var groups = new List<AccessGroup>();
        var first = 0L;
        foreach (var range in text.AsSpan().Split(','))
        {
            var group = text.AsSpan()[range];
            if (group.IsEmpty)
                continue;
            var colon = group.IndexOf(':');
            var second = group.LastIndexOf(':');
            if (colon < 0 || second == colon
                || !int.TryParse(group[..colon], NumberStyles.None, CultureInfo.InvariantCulture, out var rows) || rows is < 1 or > TraceChunk.Capacity
                || !long.TryParse(group[(colon + 1)..second], NumberStyles.None, CultureInfo.InvariantCulture, out var last)
                || !uint.TryParse(group[(second + 1)..], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var checksum))
            {
                throw new InvalidDataException("the row groups of the access file are not told");
            }
            groups.Add(new AccessGroup(first, rows, last, checksum));
            first += rows;
        }
        return [.. groups];
    }

    [StructLayout(LayoutKind.Auto)]
    private readonly record struct AccessGroup(long First, int Rows, long LastOrdinal, uint Checksum);
}

/// <summary>The accesses of a part, row group by row group.</summary>
internal interface IAccessGroups
{
    int RowGroups { get; }

    long Rows { get; }

    /// <summary>Accesses of a row group, whether a chunk gets all of them or not.</summary>
    int RowsOf(int group);

    long LastOrdinal(int group);

    /// <summary>Fills the accesses of a chunk with a row group; its events stay as they are.</summary>
    /// <exception cref="InvalidDataException">The row group is not one of a capture.</exception>
    void Read(int group, TraceChunk chunk);
}
