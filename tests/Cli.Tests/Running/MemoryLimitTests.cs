using System.Diagnostics;
using Microsoft.Data.Sqlite;

namespace Replay.Cli.Tests;

/// <summary>Memory may end anywhere: it is told as what it is, not as a bug of Replay.</summary>
public sealed class MemoryLimitTests
{
    public static TheoryData<Exception> Carriers { get; } =
    [
        new InsufficientMemoryException(), new AggregateException(new InvalidOperationException(), new InsufficientMemoryException()),
        new TypeInitializationException("Replay.Anything", new InsufficientMemoryException()),
    ];

    [Theory]
    [MemberData(nameof(Carriers), DisableDiscoveryEnumeration = true)]
    public void It_is_known_in_whatever_carries_it(Exception exception)
    {
        using var error = new StringWriter();
        Assert.Equal(ExitCode.NoMemory, Failure.Report(exception, "replay run", error));
        Assert.Equal("replay run: the memory that this process may have is used up; raise its limit or end other work", error.ToString().TrimEnd());
    }

    [Fact]
    public async Task A_run_with_too_little_says_so_and_leaves_the_database_that_was_there()
    {
        using var folder = new TemporaryFolder();
        var (capture, database) = (folder["x.capture"], folder["x.db"]);
        Assert.Equal(0, (await CommandRunner.Run("record", "synthetic", "--workload", "random", "--max-accesses", "2000", "-o", capture, "-q")).ExitCode);
        Assert.Equal(0, (await CommandRunner.Run("run", capture, "-m", "npt", "-o", database, "-q")).ExitCode);
        SqliteConnection.ClearAllPools();
        var before = await File.ReadAllBytesAsync(database, TestContext.Current.CancellationToken);
        var start = new ProcessStartInfo("dotnet", [typeof(CommandLine).Assembly.Location, "run", capture, "-m", "ept", "-o", database, "-q", "--force"]) { UseShellExecute = false, RedirectStandardError = true, RedirectStandardOutput = true };
        start.Environment["DOTNET_GCHeapHardLimit"] = "0xc00000";
        using var process = Process.Start(start)!;
        _ = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        var error = await process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.Equal((ExitCode.NoMemory, "replay run: the memory that this process may have is used up; raise its limit or end other work"), (process.ExitCode, error.Trim()));
        Assert.Equal(before, await File.ReadAllBytesAsync(database, TestContext.Current.CancellationToken));
    }
}
