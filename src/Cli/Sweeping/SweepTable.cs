using System.Globalization;
using System.Text;
using System.Text.Json;
using Replay.Analyzer.Store;
using Replay.Trace.Tables;

namespace Replay.Cli.Sweeping;

/// <summary>The results of a sweep as one tidy table: a row a task, its dimensions, then what it came to.</summary>
internal sealed class SweepTable
{
    private static readonly string[] First =
        ["vm_exits", "faults", "table_writes", "table_writes_hardware", "tlb_flushes", "guest_faults", "pages_create", "pages_zap", "walks", "walk_references"];

    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    private readonly List<(string Name, TableColumnType Type, Func<(SweepTask Task, SweepResult Result), object?> Value)> _columns = [];

    public SweepTable(SweepFolder folder)
    {
        foreach (var task in folder.All)
        {
            if (folder.Result(task) is { } result)
                Rows.Add((task, result));
        }

        Add("task", TableColumnType.Integer, row => (long)row.Task.Number);
        Add("key", TableColumnType.Text, row => row.Task.Key);
        foreach (var dimension in SweepTask.Dimensions)
            Add(dimension.Replace('-', '_'), TableColumnType.Text, row => row.Task.Value(dimension) is { Length: > 0 } value ? value : null);
        Add("workload", TableColumnType.Text, row => row.Task.Workload);
        Add("seed", TableColumnType.Integer, row => row.Task.Workload is null ? null : (long)row.Task.Seed);
        Add("history_hash", TableColumnType.Text, row => row.Result.HistoryHash);
        Add("cost", TableColumnType.Integer, row => row.Result.Cost);
        Add("cost_unit", TableColumnType.Text, row => row.Result.CostUnit);
        Add("seconds", TableColumnType.Real, row => row.Result.Seconds);
        Add("cpu_seconds", TableColumnType.Real, row => row.Result.CpuSeconds);
        Add("peak_bytes", TableColumnType.Integer, row => row.Result.PeakBytes);
        Add("tool", TableColumnType.Text, row => row.Result.Tool);
        string[] ahead = ["accesses", "events", .. First];
        var own = _columns.Select(column => column.Name).ToHashSet(StringComparer.Ordinal);
        if (Rows.FirstOrDefault(row => row.Result.Counters.Keys.Any(own.Contains)) is { Task: { } wrong })
            throw new DatabaseFormatException($"{folder.ResultOf(wrong)}: damaged: it counts something by the name of a column. Remove it, and the task is done anew.");
        foreach (var counter in ahead.Concat(Rows.SelectMany(row => row.Result.Counters.Keys).Distinct().Except(ahead).Order(StringComparer.Ordinal)))
            Add(counter, TableColumnType.Integer, row => row.Result.Counters.TryGetValue(counter, out var value) ? value : null);
    }

    public List<(SweepTask Task, SweepResult Result)> Rows { get; } = [];

    /// <summary>Writes it as CSV, JSON and Parquet.</summary>
    public void Write(string directory)
    {
        SweepFolder.Write(Path.Combine(directory, "results.csv"), Csv());
        SweepFolder.Write(Path.Combine(directory, "results.json"), Json());
        var parquet = Path.Combine(directory, "results.parquet");
        var partial = $"{parquet}.{Guid.NewGuid():N}.partial";
        using (var file = new TableFileWriter(partial, [.. _columns.Select(column => new TableColumn(column.Name, column.Type))]))
        {
            foreach (var row in Rows)
            {
                for (var i = 0; i < _columns.Count; i++)
                    Set(file, i, _columns[i].Value(row));
                file.EndRow();
            }

            file.Finish();
        }

        File.Move(partial, parquet, overwrite: true);
    }

    private void Add(string name, TableColumnType type, Func<(SweepTask Task, SweepResult Result), object?> value) => _columns.Add((name, type, value));

    private static void Set(TableFileWriter file, int column, object? value)
    {
        if (value is string text)
            file.Set(column, text);
        else if (value is long number)
            file.Set(column, number);
        else if (value is double real)
            file.Set(column, BitConverter.DoubleToInt64Bits(real));
    }

    private string Csv()
    {
        var text = new StringBuilder().AppendJoin(',', _columns.Select(column => column.Name)).Append('\n');
        foreach (var row in Rows)
            text.AppendJoin(',', _columns.Select(column => Field(column.Value(row)))).Append('\n');
        return text.ToString();
    }

    private static string Field(object? value)
    {
        var text = Convert.ToString(value, CultureInfo.InvariantCulture) ?? "";
        return text.AsSpan().IndexOfAny("\",\n") < 0 ? text : $"\"{text.Replace("\"", "\"\"")}\"";
    }

    public string Json() => JsonSerializer.Serialize(
        Rows.Select(row => _columns.ToDictionary(column => column.Name, column => column.Value(row))), Indented) + "\n";
}
