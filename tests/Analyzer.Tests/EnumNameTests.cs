using Dapper;
using Replay.Analyzer.Store;
using Replay.Replayer.History;
using Replay.Trace;

namespace Replay.Analyzer.Tests;

/// <summary>The views spell out enumerations of the model. A member that they do not know would show as a number.</summary>
public sealed class EnumNameTests : IDisposable
{
    private readonly TempDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Every_member_has_a_name_of_its_own_in_the_views()
    {
        var path = _directory.File("x.db");
        using (var store = HistoryStore.Create(path, SampleHistory.Info, new StoreOptions { Rmap = true }))
        {
            ReportEveryMember(store);
            store.Complete(new RunSummary { HistoryHash = "0" });
        }

        using var database = Database.OpenRead(path);
        AssertNames<ExitReason>("vm_exit", "reason");
        AssertNames<ExitReason>("exit_summary", "reason");
        Assert.Equal(
            Enum.GetValues<ExitReason>().Select(ExitReasonName.Of).Order(StringComparer.Ordinal),
            database.Connection.Query<string>("SELECT DISTINCT reason FROM vm_exit").Order(StringComparer.Ordinal));
        AssertNames<RetPf>("fault", "outcome");
        AssertNames<RetPf>("fault_summary", "outcome");
        AssertNames<AccessKind>("fault_summary", "access");
        AssertNames<AccessKind>("fault", "access");
        AssertNames<AccessKind>("access", "kind");
        AssertNames<Actor>("table_write", "actor");
        AssertNames<Tracepoint>("table_write", "coalesce(tracepoint, 'none')");
        AssertNames<PageOperation>("page_operation", "operation");
        AssertNames<RootOperation>("root_change", "operation");
        AssertNames<FlushKind>("tlb_flush", "kind");
        AssertNames<PageOperation>("page_summary", "operation");
        AssertNames<FlushKind>("flush_summary", "kind");
        AssertNames<ExitReason>("activity WHERE kind = 'exit'", "name");
        AssertNames<RetPf>("activity WHERE kind = 'fault'", "name");
        AssertNames<PageOperation>("activity WHERE kind = 'page'", "name");
        AssertNames<RootOperation>("activity WHERE kind = 'root'", "name");
        AssertNames<FlushKind>("activity WHERE kind = 'flush'", "name");
        AssertNames<RmapOperation>("rmap_change", "operation");
        AssertNames<ModelNote>("model_note", "kind");
        var functions = database.Connection.Query<string>("SELECT name FROM function").ToHashSet();
        Assert.All(Enum.GetValues<KvmFunction>(), function => Assert.Contains(function.KernelName(), functions));

        void AssertNames<T>(string view, string column)
            where T : struct, Enum
        {
            var names = database.Connection.Query<string>($"SELECT DISTINCT {column} FROM {view}").AsList();
            Assert.DoesNotContain(names, name => char.IsAsciiDigit(name[0]));
            Assert.Equal(Enum.GetValues<T>().Length, names.Count);
        }
    }

    private static void ReportEveryMember(HistoryStore store)
    {
        var seq = 0L;
        var id = 0;
        foreach (var reason in Enum.GetValues<ExitReason>())
            store.OnExit(new VmExitRecord { Seq = ++seq, Ordinal = seq, ExitId = id++, Reason = reason });
        id = 0;
        foreach (var outcome in Enum.GetValues<RetPf>())
            store.OnFault(new FaultRecord { Seq = ++seq, Ordinal = seq, FaultId = id++, Outcome = outcome, ExitId = -1 });
        foreach (var kind in Enum.GetValues<AccessKind>())
        {
            store.OnFault(new FaultRecord { Seq = ++seq, Ordinal = seq, FaultId = id++, Access = kind, ExitId = -1 });
            store.OnAccess(new AccessRecord { Ordinal = seq, Kind = kind });
        }

        foreach (var actor in Enum.GetValues<Actor>())
            store.OnWrite(new TableWrite { Seq = ++seq, Ordinal = seq, Actor = actor, FaultId = -1, ExitId = -1, TableId = 1, Level = 1 });
        foreach (var tracepoint in Enum.GetValues<Tracepoint>())
            store.OnWrite(new TableWrite { Seq = ++seq, Ordinal = seq, Tracepoint = tracepoint, FaultId = -1, ExitId = -1, TableId = 1, Level = 1 });
        foreach (var operation in Enum.GetValues<PageOperation>())
            store.OnTablePage(new TablePageRecord { Seq = ++seq, Ordinal = seq, Operation = operation, TableId = 1, FaultId = -1, ExitId = -1, Level = 1 });
        foreach (var operation in Enum.GetValues<RootOperation>())
            store.OnRoot(new RootRecord { Seq = ++seq, Ordinal = seq, Operation = operation, TableId = 1, ExitId = -1 });
        foreach (var kind in Enum.GetValues<FlushKind>())
            store.OnFlush(new TlbFlushRecord { Seq = ++seq, Ordinal = seq, Kind = kind, FaultId = -1, ExitId = -1 });
        foreach (var operation in Enum.GetValues<RmapOperation>())
            store.OnRmap(new RmapRecord { Seq = ++seq, Ordinal = seq, Operation = operation, FaultId = -1 });
        foreach (var note in Enum.GetValues<ModelNote>())
            store.OnNote(new ModelNoteRecord { Seq = seq, Ordinal = seq, Kind = note });
    }
}
