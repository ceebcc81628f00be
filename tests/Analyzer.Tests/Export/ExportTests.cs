using System.Globalization;
using System.Numerics;
using DuckDB.NET.Data;
using Replay.Analyzer.Export;
using Replay.Analyzer.Query;
using Replay.Analyzer.Schema;
using Replay.Analyzer.Store;

namespace Replay.Analyzer.Tests;

/// <summary>The exported Parquet, read by DuckDB, has what SQLite has.</summary>
public sealed class ExportTests(WorkloadDatabases databases) : IDisposable, IClassFixture<WorkloadDatabases>
{
    private readonly TempDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData("unsync-churn")]
    [InlineData("mmio")]
    public void Every_view_has_the_rows_counts_and_sums_that_it_has_in_SQLite(string workload)
    {
        using var database = databases.Open(workload);
        var folder = _directory.File("export");
        var exported = DatabaseExport.Write(database, folder, new ExportOptions { Ranges = 3 }, cancellation: TestContext.Current.CancellationToken);
        Assert.Equal(ViewDefinition.All.Select(view => view.Name).Where(name => name != "event"), exported.Select(view => view.View));
        using var duck = new DuckDBConnection("DataSource=:memory:");
        duck.Open();
        foreach (var view in ViewDefinition.All.Where(view => view.Name != "event"))
        {
            var expected = InSqlite(new QueryRunner(database), view);
            Assert.Equal(expected[0], $"{exported.Single(each => each.View == view.Name).Rows}");
            if (expected[0] != "0")
                Assert.Equal((view.Name, string.Join(' ', expected)), (view.Name, string.Join(' ', InDuckDb(duck, folder, view))));
        }
    }

    [Fact]
    public void Runs_and_ranges_of_ordinals_are_directories_that_a_reader_can_pass_over()
    {
        using var database = databases.Open("unsync-churn");
        var folder = _directory.File("export");
        DatabaseExport.Write(database, folder, new ExportOptions { Runs = [4], Views = ["table_write", "counter"], Ranges = 4, WithoutHex = true }, cancellation: TestContext.Current.CancellationToken);
        var ranges = Directory.GetDirectories(Path.Combine(folder, "table_write", "run=4")).Select(path => long.Parse(Path.GetFileName(path)["from_ordinal=".Length..], CultureInfo.InvariantCulture)).Order().ToList();
        Assert.InRange(ranges.Count, 2, 4);
        Assert.False(Directory.Exists(Path.Combine(folder, "table_write", "run=1")));
        Assert.True(File.Exists(Path.Combine(folder, "counter", "run=4", "data.parquet")));
        using var duck = new DuckDBConnection("DataSource=:memory:");
        duck.Open();
        using var command = duck.CreateCommand();
        command.CommandText = $"SELECT from_ordinal, min(ordinal), max(ordinal) FROM read_parquet('{folder}/table_write/**/*.parquet', hive_partitioning=true) GROUP BY 1 ORDER BY 1";
        using var rows = command.ExecuteReader();
        while (rows.Read())
        {
            var from = rows.GetInt64(0);
            var next = ranges.Find(each => each > from);
            Assert.InRange(rows.GetInt64(1), from, long.MaxValue);
            Assert.True(next == 0 || rows.GetInt64(2) < next);
        }

        command.CommandText = $"SELECT count(*) FROM (DESCRIBE SELECT * FROM read_parquet('{folder}/table_write/**/*.parquet')) WHERE column_name LIKE '%_hex'";
        Assert.Equal(0L, Convert.ToInt64(command.ExecuteScalar(), CultureInfo.InvariantCulture));
    }

    [Fact]
    public void An_export_is_replaced_only_when_told_and_only_if_it_is_one()
    {
        using var database = databases.Open("mmio");
        var folder = _directory.File("export");
        var options = new ExportOptions { Views = ["run"] };
        Write(options);
        Assert.Contains("--force", Assert.Throws<DatabaseExistsException>(() => Write(options)).Message, StringComparison.Ordinal);
        Write(options with { Overwrite = true });
        var foreign = _directory.File("foreign");
        Directory.CreateDirectory(foreign);
        File.WriteAllText(Path.Combine(foreign, "thesis.tex"), "");
        Assert.Throws<DatabaseExistsException>(() => DatabaseExport.Write(database, foreign, options with { Overwrite = true }, cancellation: TestContext.Current.CancellationToken));
        Assert.True(File.Exists(Path.Combine(foreign, "thesis.tex")));
        Assert.Contains("table_write", Assert.Throws<QueryException>(() => Write(new ExportOptions { Views = ["tablewrite"], Overwrite = true })).Message, StringComparison.Ordinal);

        void Write(ExportOptions what) => DatabaseExport.Write(database, folder, what, cancellation: TestContext.Current.CancellationToken);
    }

    [Fact]
    public void An_export_that_is_cancelled_leaves_nothing_behind()
    {
        using var database = databases.Open("unsync-churn");
        using var cancellation = new CancellationTokenSource();
        var folder = _directory.File("export");
        Assert.ThrowsAny<OperationCanceledException>(() => DatabaseExport.Write(database, folder, new ExportOptions(), (_, _) => cancellation.Cancel(), cancellation.Token));
        Assert.False(Directory.Exists(folder));
        Assert.False(Directory.Exists(folder + ".partial"));
    }

    /// <summary>Rows; then of each column the values that are not null and their sum, of text the sum of lengths.</summary>
    private static List<string> InSqlite(QueryRunner runner, ViewDefinition view)
    {
        var counts = new long[view.Columns.Count];
        var sums = new BigInteger[view.Columns.Count];
        var rows = 0L;
        using var execution = runner.Execute($"SELECT {string.Join(", ", view.Columns.Select(column => column.Name))} FROM {view.Name}");
        execution.NextResult();
        for (; execution.Read(); rows++)
        {
            for (var i = 0; i < counts.Length; i++)
            {
                var value = execution[i];
                if (value.Kind == SqlValueKind.Null)
                    continue;
                counts[i]++;
                sums[i] += view.Columns[i].Type switch
                {
                    "address" => unchecked((ulong)value.Integer),
                    "integer" or "boolean" => value.Integer,
                    _ => value.ToString().Length,
                };
            }
        }

        return [$"{rows}", .. counts.Zip(sums, (count, sum) => $"{count}:{(count == 0 ? 0 : sum)}")];
    }

    private static List<string> InDuckDb(DuckDBConnection duck, string folder, ViewDefinition view)
    {
        var sums = view.Columns.Select(column => column.Type switch
        {
            "text" or "hex" => $"count(\"{column.Name}\"), coalesce(sum(length(\"{column.Name}\")), 0)::VARCHAR",
            _ => $"count(\"{column.Name}\"), coalesce(sum(\"{column.Name}\"::HUGEINT), 0)::VARCHAR",
        });
        using var command = duck.CreateCommand();
        command.CommandText = $"SELECT count(*), {string.Join(", ", sums)} FROM read_parquet('{folder}/{view.Name}/**/*.parquet', hive_partitioning=true)";
        using var row = command.ExecuteReader();
        Assert.True(row.Read());
        return [$"{row.GetInt64(0)}", .. Enumerable.Range(0, view.Columns.Count).Select(i => $"{row.GetInt64((2 * i) + 1)}:{row.GetString((2 * i) + 2)}")];
    }
}
