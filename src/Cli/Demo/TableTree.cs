using System.Globalization;
using Replay.Analyzer.Query;
using Replay.Analyzer.Store;
using Replay.Cli.Terminal;

namespace Replay.Cli.Demo;

/// <summary>Draws the first entries of a run's table tree, as it stands at the end.</summary>
internal static class TableTree
{
    private const int EntriesShown = 3;

    private static readonly string[] LevelNames = ["", "PT", "PD", "PDPT", "PML4", "PML5"];

    public static void Write(QueryRunner runner, RunRow run, CliConsole console)
    {
        var root = Rows(runner, "select value_hex, table_id from root_change where run = :run and operation = 'load' order by ordinal desc, seq desc limit 1", run.Run);
        if (root.Count == 0)
        {
            console.Out.WriteLine("  (no root was loaded)");
            return;
        }

        var (register, tableId) = (root[0][0], root[0][1]);
        console.Lines().WriteLine($"  {(run.EntryFormat == "ept" ? "EPTP" : run.Mode == "shadow" ? "CR3" : "nCR3")} {register}: root table {tableId}{Describe(run, register)}");
        WriteTable(runner, run.Run, tableId, "  ", console.Lines());
    }

    /// <summary>What the low bits of an EPTP say.</summary>
    private static string Describe(RunRow run, string register)
    {
        if (run.EntryFormat != "ept")
            return "";
        var eptp = ulong.Parse(register.AsSpan(2), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
        return $", memory type {eptp & 7}, {(eptp >> 3 & 7) + 1} levels, A/D bits {((eptp >> 6 & 1) != 0 ? "on" : "off")}";
    }

    private static void WriteTable(QueryRunner runner, int run, string tableId, string indent, TextWriter output)
    {
        var entries = Rows(
            runner,
            "select w.idx, w.level, w.new_kind, w.new_hex, w.gfn_hex, w.function, w.new_rights, "
            + "(select p.table_id from table_page as p where p.run = w.run and p.hpa = (w.new & 0xffffffffff000) limit 1) "
            + "from table_write as w where w.run = :run and w.table_id = :table and w.new <> 0 "
            + "and not exists (select 1 from table_write as x where x.run = w.run and x.table_id = w.table_id and x.idx = w.idx "
            + "and (x.ordinal > w.ordinal or (x.ordinal = w.ordinal and x.seq > w.seq))) order by w.idx",
            run,
            tableId);
        for (var i = 0; i < entries.Count; i++)
        {
            var entry = entries[i];
            var last = i == entries.Count - 1;
            if (i == EntriesShown)
            {
                output.WriteLine($"{indent}└─ ... {Units.Count(entries.Count - i)} more");
                return;
            }

            var name = LevelNames[int.Parse(entry[1], CultureInfo.InvariantCulture)];
            var what = entry[2] == "table" ? $"table {entry[7]}" : $"{entry[2]} of gfn {entry[4]}";
            output.WriteLine($"{indent}{(last ? "└─" : "├─")} {name}[{entry[0]}] = {entry[3]} {(entry[6].Length > 0 ? entry[6] + " " : "")}{what}, by {entry[5]}");
            if (entry[2] == "table")
                WriteTable(runner, run, entry[7], indent + (last ? "   " : "│  "), output);
        }
    }

    private static List<string[]> Rows(QueryRunner runner, string sql, int run, string? table = null)
    {
        var parameters = new Dictionary<string, SqlValue>(StringComparer.Ordinal) { ["run"] = SqlValue.Of(run) };
        if (table is not null)
            parameters["table"] = SqlValue.Of(long.Parse(table, CultureInfo.InvariantCulture));
        var rows = new List<string[]>();
        using var execution = runner.Execute(sql, parameters);
        execution.NextResult();
        while (execution.Read())
            rows.Add([.. Enumerable.Range(0, execution.Columns.Count).Select(column => execution[column].ToString())]);
        return rows;
    }
}
