using Parquet;
using Parquet.Schema;

namespace Replay.Trace.Tests;

/// <summary>Files are encoded by hand; Parquet.Net, which had no part in it, reads them.</summary>
public sealed class ParquetNetTests
{
    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public async Task Parquet_Net_reads_access_files(bool hasty, bool blocks)
    {
        using var temporary = new TemporaryDirectory();
        var recording = Captures.Simple(100_000);
        if (blocks)
            Captures.WriteBlocks(temporary.Capture, recording);
        else
            Captures.Write(temporary.Capture, recording, hasRips: true, options: new CaptureWriterOptions { Hasty = hasty }, filtered: false);
        await using var reader = await ParquetReader.CreateAsync(
            Path.Combine(temporary.Capture, "accesses-00000.parquet"),
            cancellationToken: TestContext.Current.CancellationToken);
        var fields = reader.Schema.DataFields;
        Assert.Equal(["ordinal", "vcpu", "access", "flags", "size", "gva_page", "gpa_page", "page_offset", "rip"], fields.Select(field => field.Name));
        var row = 0;
        for (var group = 0; group < reader.RowGroupCount; group++)
        {
            var rows = reader.OpenRowGroupReader(group);
            var count = (int)rows.RowCount;
            var ordinals = new long[count];
            var kinds = new string?[count];
            var pages = new ulong[count];
            var offsets = new ushort[count];
            await rows.ReadAsync<long>(fields[0], ordinals, cancellationToken: TestContext.Current.CancellationToken);
            await rows.ReadAsync(fields[2], kinds, cancellationToken: TestContext.Current.CancellationToken);
            await rows.ReadAsync<ulong>(fields[5], pages, cancellationToken: TestContext.Current.CancellationToken);
            await rows.ReadAsync<ushort>(fields[7], offsets, cancellationToken: TestContext.Current.CancellationToken);
            for (var i = 0; i < count; i++, row++)
            {
                var expected = recording.Accesses[row];
                Assert.Equal((expected.Ordinal, AccessKindName.Of(expected.Kind), expected.Gva), (ordinals[i], kinds[i], (pages[i] << 12) | offsets[i]));
            }
            AssertStatistics(rows, fields, ordinals, pages);
        }
        Assert.Equal(recording.Accesses.Count, row);
    }

    /// <summary>What planners of queries go by: order, sizes, and whose file it is.</summary>
    [Theory]
    [InlineData("accesses-00000.parquet")]
    [InlineData("events-00000.parquet")]
    public async Task Parquet_Net_is_told_order_and_sizes_of_row_groups(string name)
    {
        using var temporary = new TemporaryDirectory();
        Captures.Write(temporary.Capture, Captures.Simple(100_000), hasRips: true, filtered: false);
        var path = Path.Combine(temporary.Capture, name);
        await using var reader = await ParquetReader.CreateAsync(path, cancellationToken: TestContext.Current.CancellationToken);

        Assert.Equal("2", reader.CustomMetadata["replay.capture"]);
        var groups = reader.Metadata!.RowGroups;
        foreach (var group in groups)
        {
            var order = Assert.Single(group.SortingColumns!);
            Assert.Equal((0, false, false), (order.ColumnIdx, order.Descending, order.NullsFirst));
            Assert.Equal("ordinal", Assert.Single(group.Columns[0].MetaData!.PathInSchema));
            Assert.Equal(group.Columns.Sum(column => column.MetaData!.TotalCompressedSize), group.TotalCompressedSize);
            Assert.Equal(group.Columns.Sum(column => column.MetaData!.TotalUncompressedSize), group.TotalByteSize);
        }

        // What is not pages is magic, page index and footer.
        Assert.InRange(groups.Sum(group => group.TotalCompressedSize!.Value), 1, new FileInfo(path).Length - 12);
    }

    [Fact]
    public async Task Parquet_Net_reads_event_files()
    {
        using var temporary = new TemporaryDirectory();
        var recording = new Recording();
        for (var i = 0; i < 20_000; i++)
            recording.Events.Add(Event(i));
        Captures.Write(temporary.Capture, recording);
        await using var reader = await ParquetReader.CreateAsync(
            Path.Combine(temporary.Capture, "events-00000.parquet"),
            cancellationToken: TestContext.Current.CancellationToken);
        var fields = reader.Schema.DataFields.ToDictionary(field => field.Name, StringComparer.Ordinal);
        var row = 0;
        for (var group = 0; group < reader.RowGroupCount; group++)
        {
            var rows = reader.OpenRowGroupReader(group);
            var count = (int)rows.RowCount;
            var kinds = new string?[count];
            var offsets = new ushort?[count];
            var values = new ulong?[count];
            var errorCodes = new uint?[count];
            var data = new byte[]?[count];
            await rows.ReadAsync(fields["kind"], kinds, cancellationToken: TestContext.Current.CancellationToken);
            await rows.ReadAsync<ushort>(fields["page_offset"], offsets, cancellationToken: TestContext.Current.CancellationToken);
            await rows.ReadAsync<ulong>(fields["value"], values, cancellationToken: TestContext.Current.CancellationToken);
            await rows.ReadAsync<uint>(fields["error_code"], errorCodes, cancellationToken: TestContext.Current.CancellationToken);
            await rows.ReadAsync(fields["data"], data, cancellationToken: TestContext.Current.CancellationToken);
            for (var i = 0; i < count; i++, row++)
            {
                var expected = recording.Events[row];
                Assert.Equal(
                    (TraceEventKindName.Of(expected.Kind), (ushort?)((expected.Gva ?? expected.Gpa) & 0xfff), expected.Value, expected.ErrorCode),
                    (kinds[i], offsets[i], values[i], errorCodes[i]));
                Assert.Equal(expected.Data, data[i]);
            }
        }
        Assert.Equal(recording.Events.Count, row);
    }

    private static TraceEvent Event(int i) => (i % 5) switch
    {
        0 => new TraceEvent { Ordinal = i, Kind = TraceEventKind.PageTableStore, Gva = 0xffff_8880_0000_0000 + (ulong)(8 * i), Gpa = (ulong)(8 * i), Size = 8, Value = ulong.MaxValue - (ulong)i },
        1 => new TraceEvent { Ordinal = i, Kind = TraceEventKind.GuestPageFault, Gva = (ulong)i, ErrorCode = uint.MaxValue },
        2 when i % 100 == 2 => new TraceEvent { Ordinal = i, Kind = TraceEventKind.PageImage, Gpa = (ulong)i << 12, Data = [(byte)i, 2, 3] },
        _ => new TraceEvent { Ordinal = i, Kind = TraceEventKind.Cr3Write, Value = (ulong)i },
    };

    private static void AssertStatistics(ParquetRowGroupReader rows, DataField[] fields, long[] ordinals, ulong[] pages)
    {
        var ordinal = rows.GetStatistics(fields[0])!;
        Assert.Equal((ordinals[0], ordinals[^1]), ((long)ordinal.MinValue!, (long)ordinal.MaxValue!));
        var page = rows.GetStatistics(fields[5])!;
        Assert.Equal((pages.Min(), pages.Max()), (Convert.ToUInt64(page.MinValue), Convert.ToUInt64(page.MaxValue)));
        Assert.Equal(0, page.NullCount);
    }
}
