using Parquet;
using Parquet.Schema;

namespace Replay.Trace.Tests;

/// <summary>Access files are encoded by hand; Parquet.Net, which had no part in it, reads them.</summary>
public sealed class ParquetNetTests
{
    [Fact]
    public async Task Parquet_Net_reads_access_files()
    {
        using var temporary = new TemporaryDirectory();
        var recording = Captures.Simple(100_000);
        Captures.Write(temporary.Capture, recording, hasRips: true);
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

    private static void AssertStatistics(ParquetRowGroupReader rows, DataField[] fields, long[] ordinals, ulong[] pages)
    {
        var ordinal = rows.GetStatistics(fields[0])!;
        Assert.Equal((ordinals[0], ordinals[^1]), ((long)ordinal.MinValue!, (long)ordinal.MaxValue!));
        var page = rows.GetStatistics(fields[5])!;
        Assert.Equal((pages.Min(), pages.Max()), (Convert.ToUInt64(page.MinValue), Convert.ToUInt64(page.MaxValue)));
        Assert.Equal(0, page.NullCount);
    }
}
