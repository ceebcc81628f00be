using Replay.Trace.Tables;

namespace Replay.Analyzer.Store.Parts;

/// <summary>The columns of the files: those of the private tables, as the schema has them, and names where SQLite looks them up.</summary>
internal static class PartLayouts
{
    private static readonly HashSet<string> Ascending =
    [
        "ordinal", "seq", "end_seq", "exit_id", "fault_id", "created_ordinal", "created_seq", "zapped_ordinal", "zapped_seq", "freed_ordinal", "freed_seq",
        "first_ordinal", "first_seq", "last_ordinal",
    ];

    /// <summary>Folders are named as the tables, without the underscore, which readers of folders pass over.</summary>
    public static string FolderOf(string table) => table.TrimStart('_');

    /// <param name="bound">Columns in the order in which rows have them, the run not among them; behind them those that are always null.</param>
    /// <param name="names">Gives chains their names; null: the table has no column for them.</param>
    public static List<PartColumn> Columns(IReadOnlyList<string> bound, ChainNames? names)
    {
        var columns = new List<PartColumn>();
        for (var i = 0; i < bound.Count; i++)
            columns.Add(new PartColumn(bound[i], i, LayoutOf(bound[i])));
        var chain = bound.ToList().IndexOf("chain_id");
        if (names is not null && chain >= 0)
        {
            columns.Add(new PartColumn("chain_function", chain, PartLayout.Few, names.FunctionOf));
            columns.Add(new PartColumn("chain_path", chain, PartLayout.Few, names.PathOf));
        }

        return columns;
    }

    public static PartLayout LayoutOf(string column) =>
        Ascending.Contains(column) ? PartLayout.Ascending : PartLayout.Few;
}

/// <summary>The chains of a run by their number.</summary>
internal sealed class ChainNames
{
    private readonly Dictionary<long, (string Function, string Path)> _chains = [];

    public void Add(long chain, string function, string path) => _chains[chain] = (function, path);

    public string FunctionOf(long chain) => _chains[chain].Function;

    public string PathOf(long chain) => _chains[chain].Path;
}
