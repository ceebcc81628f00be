using Replay.Analyzer.Query;
using Replay.Analyzer.Store;

namespace Replay.Explorer.Data;

/// <summary>A session on one run.</summary>
internal sealed class RunSession(Session session, RunRow run, string key) : IDisposable
{
    public Session Session => session;

    public RunRow Run => run;

    /// <summary>The run as addresses name it.</summary>
    public string Key => key;

    public SqlValue Number => SqlValue.Of(run.Run);

    public bool IsEpt => run.EntryFormat == "ept";

    public long FirstOrdinal => run.FirstOrdinal ?? 0;

    public long LastOrdinal => run.LastOrdinal ?? 0;

    /// <summary>Where and what: for answers that are worked out once.</summary>
    public string Identity => $"{session.Served.Path}|{session.Stamp}|{run.Run}";

    public void Dispose() => session.Dispose();
}
