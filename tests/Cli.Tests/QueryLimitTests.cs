using System.Diagnostics;

namespace Replay.Cli.Tests;

/// <summary>A limit that cuts a result is told in one line on standard error, with the option that changes it.</summary>
public sealed class QueryLimitTests : IDisposable
{
    private const string Runaway = "with recursive n (i) as (select 1 union all select i + 1 from n) select count(*) from n";

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Time_is_limited_for_SQL_on_the_command_line()
    {
        await MakeDatabase();
        AssertTold(await CommandRunner.Run("query", _folder["x.db"], Runaway, "--timeout", "0.1"), "0.1 s (--timeout) and 0 rows", ExitCode.Interrupted);
    }

    [Fact]
    public async Task Time_is_limited_for_SQL_from_a_file_and_what_is_behind_the_limit_is_not_run()
    {
        await MakeDatabase();
        await File.WriteAllTextAsync(_folder["q.sql"], $"{Runaway}; select 'not reached';", TestContext.Current.CancellationToken);
        var result = await CommandRunner.Run("query", _folder["x.db"], "-f", _folder["q.sql"], "--timeout", "0.1");
        AssertTold(result, "0.1 s (--timeout) and 0 rows", ExitCode.Interrupted);
        Assert.DoesNotContain("not reached", result.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Time_is_limited_for_canned_queries()
    {
        await MakeDatabase();
        AssertTold(await CommandRunner.Run("query", _folder["x.db"], "@timeline", "--timeout", "0.0000001"), "(--timeout)", ExitCode.Interrupted);
    }

    [Fact]
    public async Task Rows_are_limited_for_SQL_and_canned_queries()
    {
        await MakeDatabase();
        AssertTold(await CommandRunner.Run("query", _folder["x.db"], "select * from table_write", "--max-rows", "3"), "3 rows (--max-rows)");
        AssertTold(await CommandRunner.Run("query", _folder["x.db"], "@writes-by-level", "--max-rows", "1"), "1 rows (--max-rows)");
    }

    [Fact]
    public async Task Bytes_are_limited()
    {
        await MakeDatabase();
        const string Megabytes = "with recursive n (i) as (select 1 union all select i + 1 from n limit 1000) select hex(zeroblob(500000)) as text from n";
        foreach (var format in (string[])["csv", "table", "jsonl"])
        {
            var result = await CommandRunner.Run("query", _folder["x.db"], Megabytes, "--max-bytes", "3000000", "--format", format);
            AssertTold(result, "3 rows (--max-bytes)");
            Assert.InRange(result.Out.Length, 3_000_000, 4_100_000);
        }
    }

    [Theory]
    [InlineData("select instr(zeroblob(900000000), zeroblob(400000000) || x'01')", "64 MiB at most")]
    [InlineData("select length(hex(zeroblob(60000000)))", "64 MiB at most")]
    [InlineData("select replace(hex(zeroblob(1000000)), '0', hex(zeroblob(1000000)))", "64 MiB at most")]
    [InlineData("select printf('%999999999d', 1)", "64 MiB at most")]
    public async Task A_value_that_fills_the_memory_is_refused(string sql, string expected)
    {
        await MakeDatabase();
        AssertTold(await CommandRunner.Run("query", _folder["x.db"], sql), expected, ExitCode.Usage);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_function_that_does_not_end_ends_with_the_time_or_a_signal(bool bySignal)
    {
        await MakeDatabase();
        // A comparison at each of 30 million places, of 30 million bytes.
        const string Endless = "select instr(zeroblob(60000000), zeroblob(30000000) || x'01')";
        var start = new ProcessStartInfo("dotnet", [typeof(ExitCode).Assembly.Location, "query", _folder["x.db"], Endless, "--timeout", bySignal ? "0" : "1"])
        {
            UseShellExecute = false,
            RedirectStandardError = true,
        };
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        if (bySignal)
        {
            // Of processor time: it is in the function by then.
            while (!process.HasExited && process.TotalProcessorTime < TimeSpan.FromSeconds(3))
                await Task.Delay(20, TestContext.Current.CancellationToken);
            Process.Start("sh", ["-c", $"kill -TERM {process.Id}"]).WaitForExit();
        }

        Assert.True(process.WaitForExit(Hang.Limit), "it does not end");
        Assert.Equal(ExitCode.Interrupted, process.ExitCode);
        Assert.Contains(bySignal ? "interrupted" : "1 s (--timeout)", await error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--timeout", "-1")]
    [InlineData("--timeout", "NaN")]
    [InlineData("--max-rows", "-1")]
    [InlineData("--max-bytes", "-1")]
    public async Task A_limit_that_is_none_is_refused(string option, string value)
    {
        await MakeDatabase();
        var (exitCode, _, error) = await CommandRunner.Run("query", _folder["x.db"], "select 1", option, value);
        Assert.Equal(ExitCode.Usage, exitCode);
        Assert.Contains(option, error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_minute_is_the_default_and_no_limit_says_nothing()
    {
        await MakeDatabase();
        var (_, help, _) = await CommandRunner.Run("query", "--help");
        Assert.Contains("0: no limit (default 60)", help.ReplaceLineEndings(" "), StringComparison.Ordinal);
        var (exitCode, text, error) = await CommandRunner.Run("query", _folder["x.db"], "@writes-by-level", "--timeout", "0", "--max-rows", "0");
        Assert.Equal((ExitCode.Done, ""), (exitCode, error));
        Assert.NotEmpty(text);
    }

    private static void AssertTold((int ExitCode, string Out, string Error) result, string expected, int exitCode = ExitCode.Done)
    {
        Assert.Equal(exitCode, result.ExitCode);
        Assert.Contains(expected, Assert.Single(result.Error.ReplaceLineEndings("\n").TrimEnd().Split('\n')), StringComparison.Ordinal);
    }

    private async Task MakeDatabase()
    {
        await CommandRunner.Run("record", "synthetic", "--workload", "demand-paging", "-k", "pages=64", "-o", _folder["x.capture"], "-q");
        var (exitCode, _, error) = await CommandRunner.Run("run", _folder["x.capture"], "-m", "ept", "-o", _folder["x.db"], "-q");
        Assert.True(exitCode == ExitCode.Done, error);
    }
}
