using System.Net;
using Dapper;
using Microsoft.Data.Sqlite;

namespace Replay.Explorer.Tests;

/// <summary>The database that is served grows, is replaced, vanishes and comes back: what is asked then is answered, or told in clear words.</summary>
public sealed class ChangingFileTests(BootFixture boot) : IClassFixture<BootFixture>, IAsyncLifetime
{
    private const string Story = "/why.json?run=ept&at=14";

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("replay-explorer-");
    private readonly HttpClient _client = new();
    private ExplorerServer? _server;

    private string Database => Path.Combine(_folder.FullName, "x.db");

    public async ValueTask InitializeAsync()
    {
        File.Copy(boot.Database, Database);
        _server = await ExplorerServer.StartAsync(new ExplorerOptions { Databases = [Database], Port = 0 });
        Assert.Equal(HttpStatusCode.OK, (await Ask(Story)).Status);
    }

    public async ValueTask DisposeAsync()
    {
        await _server!.DisposeAsync();
        _client.Dispose();
        _folder.Delete(recursive: true);
    }

    [Fact]
    public async Task A_run_that_another_process_adds_is_shown()
    {
        Assert.Equal(HttpStatusCode.OK, (await Ask("/memory.json?run=ept")).Status);
        Assert.Contains("has no run later", (await Ask("/why.json?run=later&at=14")).Text, StringComparison.Ordinal);
        using (var connection = new SqliteConnection($"Data Source={Database};Pooling=False"))
        {
            connection.Execute(
                """
                CREATE TEMP TABLE later AS SELECT * FROM _run WHERE run = 1;
                UPDATE later SET run = 9, name = 'later';
                INSERT INTO _run SELECT * FROM later;
                """);
        }

        Assert.Equal(HttpStatusCode.OK, (await Ask("/why.json?run=later&at=14")).Status);
        Assert.Contains("\"later\"", (await Ask("/runs.json")).Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Something_else_of_the_same_name_is_told_and_the_database_is_read_when_it_is_back()
    {
        await File.WriteAllTextAsync(Database, "something else of the same name", TestContext.Current.CancellationToken);
        var (status, text) = await Ask(Story);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, status);
        Assert.Contains("x.db", text, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", text, StringComparison.Ordinal);
        File.Copy(boot.Database, Database, overwrite: true);
        Assert.Equal(HttpStatusCode.OK, (await Ask(Story)).Status);
    }

    [Fact]
    public async Task A_database_that_vanishes_is_named_and_one_that_comes_back_is_read_anew()
    {
        File.Move(Database, Database + ".away");
        var (status, text) = await Ask(Story);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, status);
        Assert.Contains("is not there any more", text, StringComparison.Ordinal);
        File.Move(Database + ".away", Database);
        Assert.Equal(HttpStatusCode.OK, (await Ask(Story)).Status);
    }

    private async Task<(HttpStatusCode Status, string Text)> Ask(string address)
    {
        using var answer = await _client.GetAsync(new Uri(_server!.Address, address), TestContext.Current.CancellationToken);
        return (answer.StatusCode, await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }
}
