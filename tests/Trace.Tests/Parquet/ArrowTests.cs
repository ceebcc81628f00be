using System.Globalization;
using ParquetSharp;
using Replay.Trace.Columns;
using Replay.Trace.Storage;

namespace Replay.Trace.Tests;

/// <summary>The Parquet reader of Apache Arrow, which had no part in the files, sees what was written and what is said of it.</summary>
public sealed class ArrowTests
{
    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public void Arrow_reads_access_files(bool hasty, bool blocks)
    {
        using var temporary = new TemporaryDirectory();
        var recording = Captures.Simple(100_000);
        if (blocks)
            Captures.WriteBlocks(temporary.Capture, recording);
        else
            Captures.Write(temporary.Capture, recording, hasRips: true, options: new CaptureWriterOptions { Hasty = hasty }, filtered: false);
        using var file = new ParquetFileReader(Path.Combine(temporary.Capture, "accesses-00000.parquet"));
        Assert.Equal("2", file.FileMetaData.KeyValueMetadata["replay.capture"]);
        var row = 0;
        for (var number = 0; number < file.FileMetaData.NumRowGroups; number++)
        {
            using var group = file.RowGroup(number);
            var rows = (int)group.MetaData.NumRows;
            var (ordinals, vcpus, kinds, flags) = (All<long>(group, 0, rows), All<byte>(group, 1, rows), All<string>(group, 2, rows), All<byte>(group, 3, rows));
            var (sizes, gvas, gpas) = (All<byte>(group, 4, rows), All<ulong>(group, 5, rows), All<ulong>(group, 6, rows));
            var (offsets, rips) = (All<ushort>(group, 7, rows), All<ulong>(group, 8, rows));
            for (var i = 0; i < rows; i++)
            {
                Assert.True(AccessKindName.TryParse(kinds[i], out var kind));
                var read = new Row(ordinals[i], vcpus[i], kind, (AccessFlags)flags[i], (gvas[i] << 12) | offsets[i], (gpas[i] << 12) | offsets[i], sizes[i], rips[i]);
                Assert.Equal(recording.Accesses[row++], read);
            }

            using var statistics = group.MetaData.GetColumnChunkMetaData(5).Statistics;
            var pages = Assert.IsType<Statistics<long>>(statistics);
            Assert.Equal(((long)gvas.Min(), (long)gvas.Max()), (pages.Min, pages.Max));
            Assert.True(group.MetaData.TotalByteSize > 0);
        }

        Assert.Equal(recording.Accesses.Count, row);
    }

    [Fact]
    public void Arrow_reads_event_files() => CsCheck.Check.Sample(
        Generate.Recording,
        static recording =>
        {
            using var temporary = new TemporaryDirectory();
            Captures.Write(temporary.Capture, recording);
            using var file = new ParquetFileReader(Path.Combine(temporary.Capture, "events-00000.parquet"));
            var at = 0;
            for (var number = 0; number < file.FileMetaData.NumRowGroups; number++)
            {
                using var group = file.RowGroup(number);
                var rows = (int)group.MetaData.NumRows;
                var (ordinals, kinds, values) = (All<long>(group, 0, rows), All<string>(group, 1, rows), All<ulong?>(group, 9, rows));
                var (details, data) = (All<string?>(group, 12, rows), All<byte[]?>(group, 13, rows));
                for (var i = 0; i < rows; i++)
                {
                    var expected = recording.Events[at++];
                    Assert.Equal((expected.Ordinal, TraceEventKindName.Of(expected.Kind), expected.Value, expected.Detail), (ordinals[i], kinds[i], values[i], details[i]));
                    Assert.Equal(expected.Data, data[i]);
                }
            }

            Assert.Equal(recording.Events.Count, at);
        },
        iter: 20,
        threads: 1);

    private static T[] All<T>(RowGroupReader group, int column, int rows)
    {
        using var reader = group.Column(column).LogicalReader<T>();
        return reader.ReadAll(rows);
    }
}

/// <summary>The page index: Parquet's ColumnIndex and OffsetIndex (parquet-format, PageIndex.md), read back from where the footer says they stand.</summary>
public sealed class PageIndexTests
{
    /// <summary>Ordinals, kinds, flags, pages and texts; columns of nulls alone.</summary>
    [Fact]
    public void Bounds_hold_what_the_pages_have_and_places_are_those_of_the_pages()
    {
        using var temporary = new TemporaryDirectory();
        Captures.Write(temporary.Capture, Captures.Simple(100_000), hasRips: true, filtered: false);
        AssertIndex(temporary.Capture, "accesses-00000.parquet", AccessColumn.All(hasRips: true));
        AssertIndex(temporary.Capture, "events-00000.parquet", EventColumn.All);
    }

    private static void AssertIndex(string capture, string name, ReadOnlySpan<FileColumn> columns)
    {
        var content = File.ReadAllBytes(Path.Combine(capture, name));
        using var file = new ParquetFileReader(Path.Combine(capture, name));
        var places = Places(ParquetFile.Footer(content));
        var groups = FooterReader.Read(ParquetFile.Footer(content), columns);
        Assert.Equal(groups.Length * columns.Length, places.Count);
        for (var i = 0; i < places.Count; i++)
        {
            var (group, column) = (i / columns.Length, i % columns.Length);
            using var rows = file.RowGroup(group);
            var (offset, length, firstRow) = Page(content.AsSpan((int)places[i].PagesOffset, places[i].PagesLength));
            Assert.Equal((groups[group].Columns[column].DataOffset, 0), (offset, firstRow));
            var header = PageHeader.Read(content.AsSpan((int)offset), out var headerLength);
            Assert.Equal(headerLength + header.StoredBytes, length);
            if (places[i].BoundsLength > 0)
                AssertBounds(content.AsSpan((int)places[i].BoundsOffset, places[i].BoundsLength), rows, column);
        }

        // All but page offsets, error codes and bytes.
        Assert.True(places.Count(place => place.BoundsLength > 0) >= groups.Length * (columns.Length - 4));
    }

    private static void AssertBounds(ReadOnlySpan<byte> index, RowGroupReader group, int column)
    {
        var (isNull, min, max, nulls) = Bounds(index);
        var rows = (int)group.MetaData.NumRows;
        using var reader = group.Column(column).LogicalReader();
        var values = reader.Apply(new AllValues(rows));
        Assert.Equal(values.Count(value => value is null), nulls);
        Assert.Equal(isNull, nulls == rows);
        foreach (var value in values)
        {
            if (value is null)
                continue;
            Assert.True(Compare(value, min) >= 0, $"column {column}: {value} is below its page's bound");
            Assert.True(Compare(value, max) <= 0, $"column {column}: {value} is above its page's bound");
        }
    }

    private static int Compare(object value, byte[] bound) => value switch
    {
        string text => System.Text.Encoding.UTF8.GetBytes(text).AsSpan().SequenceCompareTo(bound),
        long number => number.CompareTo(BitConverter.ToInt64(bound)),
        ulong number => number.CompareTo(BitConverter.ToUInt64(bound)),
        _ => Convert.ToUInt32(value, CultureInfo.InvariantCulture).CompareTo(BitConverter.ToUInt32(bound)),
    };

    private static (bool IsNull, byte[] Min, byte[] Max, long Nulls) Bounds(ReadOnlySpan<byte> index)
    {
        var from = new CompactReader(index);
        var (isNull, min, max, nulls, field) = (false, Array.Empty<byte>(), Array.Empty<byte>(), -1L, 0);
        while (from.NextField(ref field, out var type))
        {
            if (field is not 4)
                Assert.Equal(1, from.List(type, out _));
            switch (field)
            {
                case 1:
                    isNull = from.Number(CompactType.Byte) == (long)CompactType.True;
                    break;
                case 2:
                    min = from.Binary(CompactType.Binary).ToArray();
                    break;
                case 3:
                    max = from.Binary(CompactType.Binary).ToArray();
                    break;
                case 5:
                    nulls = from.Number(CompactType.Int64);
                    break;
                default:
                    from.Skip(type);
                    break;
            }
        }

        Assert.Equal(index.Length, from.Position);
        return (isNull, min, max, nulls);
    }

    private static (long Offset, long Length, long FirstRow) Page(ReadOnlySpan<byte> index)
    {
        var from = new CompactReader(index);
        var field = 0;
        Assert.True(from.NextField(ref field, out var type));
        Assert.Equal(1, from.List(type, out _));
        Span<long> numbers = stackalloc long[4];
        var inner = 0;
        while (from.NextField(ref inner, out type))
            numbers[inner] = from.Number(type);
        Assert.False(from.NextField(ref field, out _));
        Assert.Equal(index.Length, from.Position);
        return (numbers[1], numbers[2], numbers[3]);
    }

    /// <summary>Fields 4 to 7 of each ColumnChunk, which Arrow does not show.</summary>
    private static List<PageIndexPlace> Places(ReadOnlySpan<byte> footer)
    {
        var from = new CompactReader(footer);
        var places = new List<PageIndexPlace>();
        var field = 0;
        while (from.NextField(ref field, out var type))
        {
            if (field != 4)
            {
                from.Skip(type);
                continue;
            }

            for (var groups = from.List(type, out _); groups > 0; groups--)
                ReadGroup(ref from, places);
        }

        return places;
    }

    private static void ReadGroup(ref CompactReader from, List<PageIndexPlace> places)
    {
        Span<long> numbers = stackalloc long[8];
        var field = 0;
        while (from.NextField(ref field, out var type))
        {
            if (field != 1)
            {
                from.Skip(type);
                continue;
            }

            for (var columns = from.List(type, out _); columns > 0; columns--)
            {
                numbers.Clear();
                var inner = 0;
                while (from.NextField(ref inner, out var kind))
                {
                    if (inner is >= 4 and <= 7)
                        numbers[inner] = from.Number(kind);
                    else
                        from.Skip(kind);
                }

                places.Add(new PageIndexPlace(numbers[6], (int)numbers[7], numbers[4], (int)numbers[5]));
            }
        }
    }

    private sealed class AllValues(int rows) : ILogicalColumnReaderVisitor<object?[]>
    {
        public object?[] OnLogicalColumnReader<TValue>(LogicalColumnReader<TValue> columnReader) => [.. columnReader.ReadAll(rows).Cast<object?>()];
    }
}
