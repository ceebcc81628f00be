using CsCheck;
using DuckDB.NET.Data;

namespace Replay.Trace.Tests;

/// <summary>A capture is plain Parquet: an engine that knows nothing of this project sees in it what was written.</summary>
public sealed class DuckDbTests
{
    [Fact]
    public void DuckDB_sees_every_access() => Gen.Select(Generate.Recording, Gen.Bool, Gen.Bool).Sample(
        static (recording, hasty, blocks) =>
        {
            using var temporary = new TemporaryDirectory();
            if (blocks)
                Captures.WriteBlocks(temporary.Capture, recording, blockRows: 70);
            else
                Captures.Write(temporary.Capture, recording, hasRips: true, options: new CaptureWriterOptions { PartAccesses = 150, Hasty = hasty }, filtered: !hasty);
            var rows = Query(
                temporary.Capture,
                "select ordinal, vcpu, access, flags, (gva_page << 12) | page_offset, (gpa_page << 12) | page_offset, size, rip from '{0}/accesses-*.parquet' order by ordinal",
                static row => new Row(
                    row.GetInt64(0),
                    row.GetByte(1),
                    AccessKindName.TryParse(row.GetString(2), out var kind) ? kind : throw new InvalidDataException(),
                    (AccessFlags)row.GetByte(3),
                    row.GetFieldValue<ulong>(4),
                    row.GetFieldValue<ulong>(5),
                    row.GetByte(6),
                    row.GetFieldValue<ulong>(7)));
            Assert.Equal(recording.Accesses, rows);
        },
        iter: 30,
        threads: 1);

    [Fact]
    public void DuckDB_sees_every_event_and_every_null() => Generate.Recording.Sample(
        static recording =>
        {
            using var temporary = new TemporaryDirectory();
            Captures.Write(temporary.Capture, recording, options: new CaptureWriterOptions { PartEvents = 150 });
            var rows = Query(
                temporary.Capture,
                "select ordinal, kind, vcpu, access, flags, (gva_page << 12) | page_offset, (gpa_page << 12) | page_offset, size, value, error_code, rip, octet_length(encode(detail)), hex(data), (l2_gpa_page << 12) | page_offset from '{0}/events-*.parquet' order by ordinal",
                static row => string.Join('|', Enumerable.Range(0, row.FieldCount).Select(i => row.IsDBNull(i) ? "null" : row.GetValue(i))));
            var expected = recording.Events.Select(static row => string.Join(
                '|',
                new object?[]
                {
                    row.Ordinal, TraceEventKindName.Of(row.Kind), row.Vcpu, row.Access is { } access ? AccessKindName.Of(access) : null,
                    (byte?)row.Flags, row.Gva, row.Gpa, row.Size, row.Value, row.ErrorCode, row.Rip,
                    row.Detail is null ? null : System.Text.Encoding.UTF8.GetByteCount(row.Detail), row.Data is null ? null : Convert.ToHexString(row.Data), row.L2Gpa,
                }.Select(value => value ?? "null")));
            Assert.Equal(expected, rows);
        },
        iter: 20,
        threads: 1);

    [Fact]
    public void DuckDB_shows_addresses_as_unsigned_numbers()
    {
        using var temporary = new TemporaryDirectory();
        Captures.Write(temporary.Capture, Captures.Simple(1000), hasRips: false);
        var types = Query(temporary.Capture, "select column_type from (describe select gva_page, gpa_page from '{0}/accesses-*.parquet')", row => row.GetString(0))
            .Concat(Query(temporary.Capture, "select column_type from (describe select gva_page, gpa_page, l2_gpa_page, rip, value from '{0}/events-*.parquet')", row => row.GetString(0)));
        Assert.All(types, type => Assert.Equal("UBIGINT", type));
    }

    private static List<T> Query<T>(string capture, string sql, Func<DuckDBDataReader, T> read)
    {
        using var connection = new DuckDBConnection("DataSource=:memory:");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = string.Format(null, sql, capture);
        using var reader = command.ExecuteReader();
        var rows = new List<T>();
        while (reader.Read())
            rows.Add(read(reader));
        return rows;
    }
}
