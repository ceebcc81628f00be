using Replay.Analyzer.Query;
using Replay.Analyzer.Store;

namespace Replay.Analyzer.Diff.Costs;

/// <summary>What one run would have cost, of its summaries: the sum that <see cref="CostModel"/> compares.</summary>
public static class RunCost
{
    private const string Shadow = "shadow";

    public static long Of(QueryRunner runner, RunRow run, CostTable costs)
    {
        ArgumentNullException.ThrowIfNull(runner);
        ArgumentNullException.ThrowIfNull(run);
        ArgumentNullException.ThrowIfNull(costs);
        var cost = Sum(runner, $"SELECT reason, exits FROM exit_summary WHERE run = {run.Run}", name => CostTable.Of(costs.Exit, name))
            + Sum(runner, $"SELECT outcome, faults FROM fault_summary WHERE run = {run.Run}", name => CostTable.Of(costs.Fault, name))
            + Sum(runner, $"SELECT kind, flushes FROM flush_summary WHERE run = {run.Run}", name => CostTable.Of(costs.Flush, name))
            + Sum(runner, $"SELECT name, value FROM counter WHERE run = {run.Run} AND name = 'table_writes'", _ => costs.TableWrite.Value)
            + Sum(runner, $"SELECT name, value FROM counter WHERE run = {run.Run} AND name = 'walk_references'", _ => costs.PageWalk.CyclesPerReference.Value
                * (run.Mode == Shadow ? costs.PageWalk.ShareOneDimensional.Value : costs.PageWalk.ShareTwoDimensional.Value));
        return (long)Math.Round(cost);
    }

    private static double Sum(QueryRunner runner, string sql, Func<string, double> each)
    {
        using var rows = runner.Execute(sql);
        rows.NextResult();
        var sum = 0.0;
        while (rows.Read())
            sum += rows[1].Integer * each(rows[0].ToString());
        return sum;
    }
}
