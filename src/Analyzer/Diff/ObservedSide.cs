using Dapper;

namespace Replay.Analyzer.Diff;

/// <summary>What a trace of a real KVM shows of its run, and which part of it a replay can have.</summary>
internal static class ObservedSide
{
    private const string ChainSeparator = " > ";

    /// <summary>Facts of which the trace has nothing, as the view <c>capability</c> names them; none for a modelled run.</summary>
    public static HashSet<string> Hidden(DiffSide side) =>
        [.. side.Database.Connection.Query<string>("SELECT fact FROM capability WHERE run = @Run AND shown = 'no' ORDER BY fact", new { side.Run.Run })];

    /// <summary>
    /// The last record of an exit of the guest. Behind it the VM is taken down, tables and all, which no capture holds; null: the run is modelled, or
    /// has no exits.
    /// </summary>
    public static long? LastOfGuest(DiffSide side) => !side.IsObserved ? null : side.Database.Connection.QuerySingle<long?>(
        "SELECT max(last) FROM (SELECT max(ordinal) AS last FROM vm_exit WHERE run = @Run UNION ALL SELECT max(ordinal) FROM table_write WHERE run = @Run AND exit_id IS NOT NULL)",
        new { side.Run.Run });

    /// <summary>
    /// The function that a chain's writes are counted under, by the chain's number: the innermost one that the other side names too. A probe may sit
    /// on a function that the model's chains end above.
    /// </summary>
    public static int[] Functions(DiffSide side, DiffSide other)
    {
        var numbers = side.Database.Connection.Query<(int Number, string Name)>("SELECT function, name FROM _function")
            .ToDictionary(function => function.Name, function => function.Number, StringComparer.Ordinal);
        var named = Chains(other).SelectMany(chain => chain.Path.Split(ChainSeparator)).ToHashSet(StringComparer.Ordinal);
        var chains = Chains(side);
        var functions = new int[chains.Select(chain => chain.Chain).DefaultIfEmpty(0).Max() + 1];
        foreach (var (chain, path) in chains)
        {
            var words = path.Split(ChainSeparator);
            functions[chain] = numbers.GetValueOrDefault(words.LastOrDefault(named.Contains) ?? words[^1]);
        }

        return functions;
    }

    private static List<(int Chain, string Path)> Chains(DiffSide side) =>
        side.Database.Connection.Query<(int Chain, string Path)>("SELECT chain_id, path FROM _chain WHERE run = @Run", new { side.Run.Run }).AsList();
}
