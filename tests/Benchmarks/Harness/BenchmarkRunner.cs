namespace Replay.Benchmarks;

/// <summary>Finds the benchmark that the command line names and runs it.</summary>
internal static class BenchmarkRunner
{
    private const int Usage = 2;

    private static readonly List<IBenchmark> Benchmarks = All();

    public static IEnumerable<string> Names => Benchmarks.Select(benchmark => benchmark.Name);

    /// <summary>The options of a benchmark, as <c>--key</c>.</summary>
    public static HashSet<string> OptionsOf(string name) => BenchmarkOptions.Of(Benchmarks.Single(benchmark => benchmark.Name == name).Description);

    public static int Run(string[] arguments, TextWriter output, TextWriter error)
    {
        var chosen = arguments.Length == 0 ? null : Benchmarks.Find(benchmark => benchmark.Name == arguments[0]);
        if (chosen is null)
        {
            error.WriteLine("usage: dotnet run -c Release --project tests/Benchmarks -- NAME [--key value]...");
            foreach (var benchmark in Benchmarks)
                error.WriteLine($"  {benchmark.Name,-12} {benchmark.Description}");
            return Usage;
        }
        try
        {
            chosen.Run(new BenchmarkOptions(arguments.AsSpan(1), chosen.Description), output);
            return 0;
        }
        catch (ArgumentException problem)
        {
            error.WriteLine($"{chosen.Name}: {problem.Message}");
            return Usage;
        }
    }

    private static List<IBenchmark> All() =>
        [.. typeof(IBenchmark).Assembly.GetTypes()
            .Where(type => type is { IsInterface: false, IsAbstract: false } && type.IsAssignableTo(typeof(IBenchmark)))
            .Select(type => (IBenchmark)Activator.CreateInstance(type)!)
            .OrderBy(benchmark => benchmark.Name, StringComparer.Ordinal)];
}
