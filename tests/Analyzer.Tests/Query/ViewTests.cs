using Dapper;
using Replay.Analyzer.Observed;
using Replay.Analyzer.Schema;
using Replay.Analyzer.Store;
using Replay.Replayer;

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
        SampleHistory.Store(_directory.File("x.db")).Dispose();
        AppendObserved(_directory.File("x.db"));
        using var database = Database.OpenRead(_directory.File("x.db"));
        var rows = database.Connection.Query($"SELECT * FROM {view}").AsList();
        Assert.True(rows.Count > 0 || view == "rmap_change", $"{view} has no rows");
    }

    /// <summary>A run with one event of a trace.</summary>
    private static void AppendObserved(string path)
    {
        var info = SampleHistory.Info with { Mode = MmuMode.Observed, Name = null, Entries = new EntryClassifier(true, 7, 6, HasGaps: true) };
        using var store = HistoryStore.Append(path, info);
        IObservedHistory history = store;
        history.OnTraceEvent(new TraceEventRow(0, 1, 5, 0, 1, 0, 0), "{}"u8);
        store.CompleteObserved(new ObservedSummary
        {
            Run = new RunSummary { HistoryHash = "0" },
            TraceHash = "0",
            TraceComplete = true,
            Options = [],
            GuestCr3s = [new GuestCr3(0, 0, 0x1000)],
            Names = [new TraceNameRow(0, "kvm_entry", null, 1)],
            Tasks = ["vmm"],
            Capabilities = [new Capability("exits", "no", "kvm_exit")],
        });
    }
}
