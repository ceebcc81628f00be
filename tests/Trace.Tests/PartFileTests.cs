using CsCheck;
using DuckDB.NET.Data;
using Replay.Trace.Tables;

namespace Replay.Trace.Tests;

/// <summary>Part files are plain Parquet: an engine that knows nothing of this project sees the rows that were written.</summary>
public sealed class PartFileTests
{
    private static readonly PartColumn[] Columns =
    [
        new("ascending", 0, PartLayout.Ascending),
        new("few", 1, PartLayout.Few),
        new("plain", 2, PartLayout.Few),
        new("name", 1, PartLayout.Few, number => $"n{number % 3}"),
        new("never", 3, PartLayout.Few),
    ];

    /// <summary>Extremes, and as many distinct values as make every layout take every way.</summary>
    private static readonly Gen<long> Value = Gen.OneOf(Gen.Long, Gen.Long[0, 3], Gen.Int[0, 3].Select(i => new[] { long.MinValue, long.MaxValue, 0, -1 }[i]));

    [Fact]
    public void DuckDB_sees_every_number_every_null_and_the_range_of_each_column() =>
        Gen.Select(Gen.Select(Value, Value, Value, Gen.UInt[0, 7]).Array[0, 400], Gen.Int[1, 300]).Sample(
            static (rows, times) =>
            {
                using var temporary = new TemporaryDirectory();
                Directory.CreateDirectory(temporary.Capture);
                var path = Path.Combine(temporary.Capture, "part-0.parquet");
                var expected = new List<string>();
                using (var file = new PartFileWriter(path, "rows", 4, Columns))
                {
                    for (var i = 0; i < times; i++)
                    {
                        foreach (var (a, b, c, nulls) in rows)
                        {
                            file.Add([a, b, c], nulls);
                            expected.Add($"{Text(a, nulls, 0)} {Text(b, nulls, 1)} {Text(c, nulls, 2)} {((nulls & 2) != 0 ? "NULL" : $"n{b % 3}")} NULL");
                        }
                    }

                    Assert.False(File.Exists(path));
                    file.Finish();
                }

                Assert.Equal([path], Directory.GetFiles(temporary.Capture));
                Assert.Equal(expected, Query($"SELECT ascending, few, plain, name, never FROM '{path}'"));
                foreach (var column in (string[])["ascending", "few", "plain"])
                    Assert.Equal(Query($"SELECT min({column}), max({column}) FROM '{path}'"), Query($"SELECT min(stats_min_value::BIGINT), max(stats_max_value::BIGINT) FROM parquet_metadata('{path}') WHERE path_in_schema = '{column}'"));
            },
            iter: 25,
            threads: 1);

    private static string Text(long value, uint nulls, int bit) => (nulls >> bit & 1) != 0 ? "NULL" : $"{value}";

    private static List<string> Query(string sql)
    {
        using var connection = new DuckDBConnection("DataSource=:memory:");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        using var reader = command.ExecuteReader();
        var rows = new List<string>();
        while (reader.Read())
            rows.Add(string.Join(' ', Enumerable.Range(0, reader.FieldCount).Select(i => reader.IsDBNull(i) ? "NULL" : $"{reader.GetValue(i)}")));
        return rows;
    }
}
