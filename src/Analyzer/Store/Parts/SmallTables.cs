using Replay.Analyzer.Store.BTrees;
using Replay.Trace.Tables;

namespace Replay.Analyzer.Store.Parts;

/// <summary>
/// The tables that do not grow with every record, as SQLite has them at the end of a run: summaries, counters, table pages, notes, the run.
/// </summary>
internal static class SmallTables
{
    private const string Functions = "_function";

    /// <summary>Writes the run's rows: <c>TABLE/part-0.parquet</c>, none for a table without rows.</summary>
    public static void Write(NativeConnection connection, int run, string directory)
    {
        foreach (var table in StoredRuns.Tables(connection).Where(table => !IsLoaded(table) && table[0] == '_'))
        {
            if (connection.QueryInt64($"SELECT EXISTS (SELECT 1 FROM {table} WHERE run = ?)", run) != 0)
                Write(connection, table, run, Path.Combine(directory, PartLayouts.FolderOf(table)));
        }
    }

    /// <summary>Writes a file without rows for each table.</summary>
    public static void WriteEmpty(NativeConnection connection, string directory)
    {
        foreach (var table in StoredRuns.Tables(connection).Where(table => table[0] == '_'))
        {
            var folder = Path.Combine(directory, PartLayouts.FolderOf(table), "run=0");
            if (IsLoaded(table))
            {
                Directory.CreateDirectory(folder);
                var columns = RunParts.AllColumns(connection, table, LoadedTables.All.Single(loaded => loaded.Name == table).Columns);
                using var file = new PartFileWriter(Path.Combine(folder, PartTable.FileName(0)), PartLayouts.FolderOf(table), columns.Count, PartLayouts.Columns(columns, new ChainNames()));
                file.Finish();
            }
            else
            {
                Write(connection, table, 0, folder);
            }
        }
    }

    /// <summary>Writes the names of functions, which are those of no run.</summary>
    public static void WriteFunctions(NativeConnection connection, string directory) =>
        Write(connection, Functions, null, Path.Combine(directory, PartLayouts.FolderOf(Functions)));

    private static bool IsLoaded(string table) => LoadedTables.All.Any(loaded => loaded.Name == table);

    private static void Write(NativeConnection connection, string table, int? run, string folder)
    {
        Directory.CreateDirectory(folder);
        var names = connection.QueryTexts($"SELECT name FROM pragma_table_info('{table}') WHERE name <> 'run'");
        var types = connection.QueryTexts($"SELECT type FROM pragma_table_info('{table}') WHERE name <> 'run'");
        var key = connection.QueryTexts($"SELECT name FROM pragma_table_info('{table}') WHERE pk > 0 AND name <> 'run' ORDER BY pk");
        var texts = new List<string>();
        var numbers = new Dictionary<string, long>(StringComparer.Ordinal);
        var columns = names.Select((name, i) => new PartColumn(name, i, PartLayouts.LayoutOf(name), types[i] == "TEXT" ? number => texts[(int)number] : null)).ToList();
        using var file = new PartFileWriter(Path.Combine(folder, PartTable.FileName(0)), PartLayouts.FolderOf(table), names.Count, columns);
        var order = key.Count > 0 ? $" ORDER BY {string.Join(", ", key)}" : "";
        using var rows = connection.Prepare($"SELECT {string.Join(", ", names.Select(name => $"\"{name}\""))} FROM {table}{(run is null ? "" : " WHERE run = ?")}{order}");
        if (run is not null)
            rows.Bind(1, run);
        Span<long> values = stackalloc long[names.Count];
        while (rows.Step())
        {
            var nulls = 0u;
            for (var i = 0; i < names.Count; i++)
            {
                if (rows.IsNull(i))
                    nulls |= 1u << i;
                else
                    values[i] = types[i] == "TEXT" ? Number(Text(table, names[i], rows.Text(i))) : rows.Int64(i);
            }

            file.Add(values, nulls);
        }

        file.Finish();

        long Number(string text)
        {
            if (!numbers.TryGetValue(text, out var number))
            {
                numbers.Add(text, number = texts.Count);
                texts.Add(text);
            }

            return number;
        }
    }

    /// <summary>Where a capture lay is the machine's business.</summary>
    private static string Text(string table, string column, string text) =>
        table == "_run" && column == "capture" ? Path.GetFileName(Path.TrimEndingDirectorySeparator(text)) : text;
}
