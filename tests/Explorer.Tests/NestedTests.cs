using System.Text.Json;
using Replay.Cli;
using Replay.Cli.Terminal;

namespace Replay.Explorer.Tests;

/// <summary>A guest that runs one of its own, replayed with NPT, and served.</summary>
public sealed class NestedFixture : IAsyncLifetime
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("replay-explorer-");

    public ExplorerServer Server { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        var database = Path.Combine(_folder.FullName, "nested.db");
        var error = new StringWriter();
        var console = new CliConsole { Out = new StringWriter(), Error = error, In = new StringReader("") };
        string[] run = ["run", Repository.Data("conformance", "nsvm.capture"), "--mmu", "npt-tdp", "--host", "amd", "--kernel", "6.1", "-o", database, "-q"];
        Assert.True(await CommandLine.RunAsync(run, console) == ExitCode.Done, error.ToString());
        Server = await ExplorerServer.StartAsync(new ExplorerOptions { Databases = [database], Port = 0 });
    }

    public async ValueTask DisposeAsync()
    {
        await Server.DisposeAsync();
        _folder.Delete(recursive: true);
    }
}

/// <summary>The tables of a guest's own guest (L2): KVM's (NPT02) beside those of the hypervisor in the guest (NPT12), and the second dimension.</summary>
public sealed class NestedTests(NestedFixture nested) : IClassFixture<NestedFixture>
{
    /// <summary>L2 reads a page that its hypervisor maps and KVM has not mapped yet.</summary>
    private const long At = 57092;

    [Fact]
    public async Task Tables_for_L2_come_with_the_nested_page_tables_beside_them_and_with_the_way_on()
    {
        using var client = new HttpClient { BaseAddress = nested.Server.Address };
        using var answer = JsonDocument.Parse(await client.GetStringAsync(new Uri($"/tables.json?run=npt-tdp&at={At}", UriKind.Relative), TestContext.Current.CancellationToken));
        var root = answer.RootElement;
        Assert.True(root.GetProperty("nested").GetBoolean());
        Assert.Equal("0x103000", root.GetProperty("address").GetString());
        var path = root.GetProperty("path").EnumerateArray().ToList();
        Assert.Equal(4, path.Count);
        foreach (var table in path)
        {
            Assert.Equal("L2", table.GetProperty("guest").GetString());
            var beside = table.GetProperty("beside");
            Assert.Equal("NPT12", beside.GetProperty("name").GetString());
            Assert.True(beside.GetProperty("known").GetBoolean());
            Assert.Equal(table.GetProperty("page").GetProperty("gfn").GetString(), beside.GetProperty("gfn").GetString());
            // Each entry of KVM's has its hypervisor's behind it.
            var theirs = beside.GetProperty("entries").EnumerateArray().Select(entry => entry.GetProperty("i").GetInt32()).ToHashSet();
            Assert.All(table.GetProperty("entries").EnumerateArray(), entry => Assert.Contains(entry.GetProperty("i").GetInt32(), theirs));
        }

        // Identity below 4 MiB: the same address in L1's memory, in other tables.
        var dimension = root.GetProperty("dimension");
        Assert.Equal("0x103000", dimension.GetProperty("address").GetString());
        Assert.All(dimension.GetProperty("path").EnumerateArray(), table => Assert.Equal("L1", table.GetProperty("guest").GetString()));
        Assert.NotEqual(root.GetProperty("root").GetProperty("tableId").GetInt64(), dimension.GetProperty("root").GetInt64());
    }

    [Fact]
    public async Task Before_any_L2_there_is_one_dimension()
    {
        using var client = new HttpClient { BaseAddress = nested.Server.Address };
        using var answer = JsonDocument.Parse(await client.GetStringAsync(new Uri("/tables.json?run=npt-tdp&at=13", UriKind.Relative), TestContext.Current.CancellationToken));
        Assert.False(answer.RootElement.GetProperty("nested").GetBoolean());
        Assert.False(answer.RootElement.TryGetProperty("dimension", out var dimension) && dimension.ValueKind != JsonValueKind.Null);
    }

    [Fact]
    public void The_page_shows_both_dimensions()
    {
        using var browser = Browser.Start(nested.Server.Address);
        browser.Resize(1400, 900);
        browser.Open($"/tables?run=npt-tdp&at={At}");
        browser.See("beside NPT12 gfn 0x300");
        browser.See("L2 gpa");
        browser.See("of L1, whose tables");
        browser.CheckQuiet();
    }
}
