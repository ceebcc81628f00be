using System.IO.Compression;
using System.Text;
using System.Text.Json;
using Replay.Cli;
using Replay.Cli.Terminal;

namespace Replay.Explorer.Tests;

/// <summary>The trace of a host without probes, where the TDP MMU does not build the tables, and its companion, served.</summary>
public sealed class ObservedTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("replay-explorer-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public async Task Tables_that_no_line_shows_are_said_to_be_so_and_the_companion_has_them()
    {
        var trace = Path.Combine(_folder.FullName, "host.txt");
        using (var unzipped = new GZipStream(File.OpenRead(Repository.Data("ftrace", "amd-npt-lm2m.thp.trace.gz")), CompressionMode.Decompress))
        using (var reader = new StreamReader(unzipped, Encoding.Latin1))
            await File.WriteAllLinesAsync(trace, (await reader.ReadToEndAsync()).Split('\n').Where(line => !line.Contains(": (", StringComparison.Ordinal) && !line.Contains("tracing_mark_write", StringComparison.Ordinal)));
        var database = Path.Combine(_folder.FullName, "host.db");
        var error = new StringWriter();
        var console = new CliConsole { Out = new StringWriter(), Error = error, In = new StringReader("") };
        string[] import = ["import", "ftrace", trace, "-o", Path.Combine(_folder.FullName, "host.capture"), "--db", database, "--host", "amd-tcg", "-q"];
        Assert.True(await CommandLine.RunAsync(import, console) == ExitCode.Done, error.ToString());
        await using var server = await ExplorerServer.StartAsync(new ExplorerOptions { Databases = [database], Port = 0 });
        using var client = new HttpClient { BaseAddress = server.Address };

        using var observed = JsonDocument.Parse(await client.GetStringAsync(new Uri("/tables.json?run=observed&at=200", UriKind.Relative)));
        var gap = observed.RootElement.GetProperty("gap");
        Assert.StartsWith("The trace shows no link between tables", gap.GetProperty("what").GetString(), StringComparison.Ordinal);
        Assert.Equal("observed-filled", gap.GetProperty("companion").GetString());
        using var filled = JsonDocument.Parse(await client.GetStringAsync(new Uri("/tables.json?run=observed-filled&at=200", UriKind.Relative)));
        Assert.False(filled.RootElement.TryGetProperty("gap", out _));
        Assert.True(filled.RootElement.GetProperty("path").GetArrayLength() > 1);
    }
}
