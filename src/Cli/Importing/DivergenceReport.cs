using System.Globalization;
using Replay.Analyzer.Query;
using Replay.Analyzer.Store;
using Replay.Cli.Terminal;

namespace Replay.Cli.Importing;

/// <summary>Where a trace and the model first part, with what surrounds it on both sides; the others are a query away.</summary>
internal static class DivergenceReport
{
    /// <summary>Writes shown on each side of the place.</summary>
    private const int ContextLength = 5;

    /// <param name="path">The database.</param>
    /// <param name="companion">Name of the run that was held against the trace.</param>
    /// <param name="output">Where it goes.</param>
    public static void Write(string path, string companion, TextWriter output)
    {
        using var database = Database.OpenRead(path);
        var runner = new QueryRunner(database);
        var run = database.FindRun(companion)!.Run;
        var arguments = new Dictionary<string, string>(StringComparer.Ordinal) { ["run"] = companion, ["top"] = "1" };
        long? first = null;
        using (var rows = runner.Execute(CannedQueries.Find("divergences"), arguments))
        {
            if (rows.NextResult() && rows.Read())
                first = rows[0].Integer;
        }

        if (first is not { } at)
            return;
        output.WriteLine($"run {companion}: the first is at event {Units.Count(at)} of the trace");
        WriteSide("trace", "unmodelled", "SELECT trace_run AS run, 0 AS moved FROM trace_of WHERE run = :run", runner, run, at, output);
        WriteSide("model", "missing", "SELECT run, ordinal_offset AS moved FROM trace_of WHERE run = :run", runner, run, at, output);
        output.WriteLine($"run {companion}: 'replay query {path} @divergences{(database.Runs.Count > 2 ? $" -p run={companion}" : "")}' lists them all");
    }

    private static void WriteSide(string who, string mark, string side, QueryRunner runner, int run, long at, TextWriter output)
    {
        output.WriteLine($"  {who}:");
        // What the host does at once has one event, and many writes.
        var here = Read(runner, side, "w.ordinal - s.moved = :at AND w.shown = :mark ORDER BY w.seq", [("run", SqlValue.Of(run)), ("at", SqlValue.Of(at)), ("mark", SqlValue.Of(mark))], 1);
        var seq = here.Count > 0 ? here[0].Seq : 0;
        var place = (ReadOnlySpan<(string, SqlValue)>)[("run", SqlValue.Of(run)), ("at", SqlValue.Of(at)), ("seq", SqlValue.Of(seq))];
        var before = Read(runner, side, "(w.ordinal - s.moved, w.seq) < (:at, :seq) ORDER BY w.ordinal DESC, w.seq DESC", place, ContextLength);
        before.Reverse();
        foreach (var row in before)
            output.WriteLine($"      {row.Text}");
        output.WriteLine($"    > {(here.Count > 0 ? here[0].Text : "no such write")}");
        foreach (var row in Read(runner, side, "(w.ordinal - s.moved, w.seq) > (:at, :seq) ORDER BY w.ordinal, w.seq", place, ContextLength))
            output.WriteLine($"      {row.Text}");
        if (here.Count > 0 && mark == "missing")
            output.WriteLine($"    because {here[0].Chain}");
    }

    private static List<(long Seq, string Text, string Chain)> Read(QueryRunner runner, string side, string which, ReadOnlySpan<(string Name, SqlValue Value)> parameters, int limit)
    {
        var rows = new List<(long, string, string)>();
        var values = new Dictionary<string, SqlValue>(StringComparer.Ordinal);
        foreach (var (name, value) in parameters)
            values[name] = value;
        using var answer = runner.Execute(
            $"SELECT w.ordinal - s.moved, w.seq, w.level, coalesce(w.gfn_hex, '?'), coalesce(w.old_hex, '?'), w.new_hex, w.function, w.chain FROM ({side}) AS s JOIN table_write AS w ON w.run = s.run WHERE w.actor = 'kvm' AND {which} LIMIT {limit}",
            values);
        answer.NextResult();
        while (answer.Read())
        {
            var text = string.Create(CultureInfo.InvariantCulture, $"event {answer[0].Integer,-8} level {answer[2].Integer} gfn {answer[3]}: {answer[4]} -> {answer[5]} by {answer[6]}");
            rows.Add((answer[1].Integer, text, answer[7].ToString()));
        }

        return rows;
    }
}
