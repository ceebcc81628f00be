using Dapper;
using Replay.Analyzer.Schema;

namespace Replay.Analyzer.Tests;

public sealed class ViewTests : IDisposable
{
    private readonly TempDirectory _directory = new();

    public static TheoryData<string> Views => [.. SqlFiles.Views.Select(view => view.Name)];

    public void Dispose() => _directory.Dispose();

    [Theory]
    [MemberData(nameof(Views))]
    public void A_view_can_be_read_whole(string view)
    {
        using var database = SampleHistory.Store(_directory.File("x.db"));
        var rows = database.Connection.Query($"SELECT * FROM {view}").AsList();
        Assert.True(rows.Count > 0 || view == "rmap_change", $"{view} has no rows");
    }
}
