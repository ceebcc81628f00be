using Replay.Cli;
using Replay.Cli.Terminal;

namespace Replay.Explorer.Tests;

/// <summary>The bundled boot, replayed through EPT and shadow paging, and served.</summary>
public sealed class BootFixture : IAsyncLifetime
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("replay-explorer-");

    public string Database => Path.Combine(_folder.FullName, "boot.db");

    public ExplorerServer Server { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        var capture = Path.Combine(AppContext.BaseDirectory, "samples", "linux-boot.capture");
        await Run("run", capture, "--mmu", "ept", "--mmu", "shadow", "-o", Database, "-q");
        Server = await ExplorerServer.StartAsync(new ExplorerOptions { Databases = [Database], Port = 0 });
    }

    public async ValueTask DisposeAsync()
    {
        await Server.DisposeAsync();
        _folder.Delete(recursive: true);
    }

    private static async Task Run(params string[] arguments)
    {
        var error = new StringWriter();
        var console = new CliConsole { Out = new StringWriter(), Error = error, In = new StringReader("") };
        Assert.True(await CommandLine.RunAsync(arguments, console) == ExitCode.Done, error.ToString());
    }
}
