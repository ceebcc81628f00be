using System.Collections.Concurrent;
using System.Globalization;
using System.Security.Cryptography;

namespace Replay.Mutants;

/// <summary>Draws mutants, learns which tests reach them, and tries each.</summary>
internal sealed class Campaign(Options options)
{
    /// <summary>Projects whose tests can notice: a rank, and which classes.</summary>
    private static readonly (string Project, int Rank, Func<string, bool> Wanted)[] Suites =
    [
        ("Replayer.Tests", 0, _ => true),
        ("Analyzer.Tests", 1, name => name.Contains(".Conformance.", StringComparison.Ordinal) || name.EndsWith(".ModeGoldenTests", StringComparison.Ordinal)),
    ];

    private static readonly string[] Folders = ["Guest", "Hardware", "Kvm"];

    private const string Assembly = "Replay.Replayer.dll";

    private static readonly string Place = Repository.PathOf("artifacts", "mutants");

    private readonly Lock _gate = new();

    public int Run()
    {
        var assembly = new MutantAssembly(Repository.PathOf("src", "Replayer"), Repository.PathOf("artifacts", "bin", "Replayer.Tests", "release"), Repository.PathOf("artifacts", "obj", "Replayer", "release"));
        if (options.Named)
            return new NamedMutants(assembly).Run();
        var all = assembly.Find(Folders);
        var counts = all.GroupBy(candidate => candidate.Stratum, StringComparer.Ordinal).ToDictionary(group => group.Key, group => group.Count(), StringComparer.Ordinal);
        var drawn = options.Only is { } only ? [.. all.Where(candidate => candidate.Key.Contains(only, StringComparison.Ordinal))] : MutantAssembly.InRandomOrder(all, options.Seed);
        if (options.List)
        {
            foreach (var candidate in drawn)
                Console.WriteLine($"{candidate.Operator}\t{candidate.Line}\t{candidate.Key}");
            return 0;
        }

        var mutants = Compile(assembly, drawn, counts);
        var equivalents = Equivalents();
        var verdicts = new ConcurrentBag<Verdict>();
        var known = options.Results is { } file && File.Exists(file) ? File.ReadAllLines(file).Select(Parse).Where(verdict => verdict.IsKilled || !options.Again).GroupBy(verdict => verdict.Key, StringComparer.Ordinal).ToDictionary(group => group.Key, group => group.Last(), StringComparer.Ordinal) : [];
        var open = new List<int>();
        for (var i = 0; i < mutants.Length; i++)
        {
            if (mutants[i] is not { } mutant)
                continue;
            if (equivalents.TryGetValue(mutant.Key, out var reason))
                verdicts.Add(new Verdict("equivalent", mutant.Key, reason));
            else if (known.TryGetValue(mutant.Key, out var verdict))
                verdicts.Add(verdict);
            else
                open.Add(i);
        }

        if (open.Count > 0)
            Try(mutants, open, verdicts);
        Score.Print([.. verdicts], counts);
        return 0;
    }

    /// <summary>What a worker does: learns what the tests come by, or tries mutants; a number below 0 is one that is on from the start.</summary>
    public static int Work(int mutants, bool unit, double slowest, int[] numbers)
    {
        var cold = numbers is [< 0 and var first] ? -first - 1 : -1;
        var suites = Suites.Where(suite => suite.Rank == 0 || !unit).Select(suite => new Suite(Path.Combine(Place, suite.Project, $"Replay.{suite.Project}.dll"), suite.Rank, suite.Wanted, cold)).ToList();
        var worker = new Worker(suites, mutants, SurveyOf(unit));
        worker.Survey(slowest);
        if (cold >= 0)
            worker.TryCold(cold);
        else
            Array.ForEach(numbers, worker.Try);
        return 0;
    }

    /// <summary>What the tests come by, of these very mutants.</summary>
    private static string SurveyOf(bool unit) => Path.Combine(Place, $"survey-{(unit ? "unit" : "all")}-{Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(Path.Combine(Place, Assembly))))[..16]}.tsv");

    private void Try(Candidate?[] mutants, List<int> open, ConcurrentBag<Verdict> verdicts)
    {
        CopySuites();
        new WorkerProcess(options, mutants.Length).Survey();
        var tests = File.ReadAllLines(SurveyOf(options.Unit));
        foreach (var failing in tests.Where(line => line.Contains("\tfails: ", StringComparison.Ordinal)))
            Console.WriteLine($"left out: {failing}");
        Console.WriteLine($"{tests.Length} tests, {tests.Sum(line => double.Parse(line.Split('\t')[1], CultureInfo.InvariantCulture)):F0} s of processor time");
        var shares = open.Select((number, place) => (number, place)).GroupBy(pair => pair.place % options.Workers, pair => pair.number).ToList();
        var done = 0;
        Parallel.ForEach(shares, new ParallelOptions { MaxDegreeOfParallelism = options.Workers }, share => new WorkerProcess(options, mutants.Length).Try(share, (number, fate, why) =>
        {
            var mutant = mutants[number]!;
            var verdict = new Verdict(fate, mutant.Key, why.Length > 0 ? why[..Math.Min(why.Length, 200)].Replace('\t', ' ') : $"line {mutant.Line}");
            lock (_gate)
            {
                verdicts.Add(verdict);
                Console.WriteLine($"{++done}/{open.Count} {verdict}");
                if (options.Results is { } file)
                    File.AppendAllText(file, verdict + "\n");
            }
        }));
    }

    /// <summary>As many of each folder as its share says, all of which compile.</summary>
    private Candidate?[] Compile(MutantAssembly assembly, List<Candidate> drawn, Dictionary<string, int> counts)
    {
        Directory.CreateDirectory(Place);
        var output = Path.Combine(Place, Assembly);
        var wanted = counts.ToDictionary(pair => pair.Key, pair => options.Only is null ? (int)Math.Round((double)options.Sample * pair.Value / counts.Values.Sum()) : int.MaxValue, StringComparer.Ordinal);
        var taken = new List<Candidate?>();
        var rest = new Queue<Candidate>(drawn);
        for (; ; )
        {
            var missing = wanted.ToDictionary(pair => pair.Key, pair => pair.Value - taken.Count(mutant => mutant?.Stratum == pair.Key), StringComparer.Ordinal);
            for (var left = rest.Count; left > 0; left--)
            {
                var next = rest.Dequeue();
                if (missing[next.Stratum] > 0)
                {
                    missing[next.Stratum]--;
                    taken.Add(next);
                }
                else
                {
                    rest.Enqueue(next);
                }
            }

            var mutants = taken.ToArray();
            assembly.Compile(mutants, output);
            var refused = mutants.Count(mutant => mutant is null) - taken.Count(mutant => mutant is null);
            taken = [.. mutants];
            if (refused == 0 || rest.Count == 0)
                break;
        }

        Console.WriteLine($"{counts.Values.Sum()} changes are possible; {taken.Count(mutant => mutant is not null)} are tried, {taken.Count(mutant => mutant is null)} did not compile");
        return [.. taken];
    }

    /// <summary>The built test programs, each beside an assembly with the mutants.</summary>
    private void CopySuites()
    {
        foreach (var (project, _, _) in Suites.Where(suite => suite.Rank == 0 || !options.Unit))
        {
            var from = Repository.PathOf("artifacts", "bin", project, "release");
            var to = Path.Combine(Place, project);
            foreach (var file in Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories))
            {
                var copy = Path.Combine(to, Path.GetRelativePath(from, file));
                Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
                File.Copy(file, copy, overwrite: true);
            }

            File.Copy(Path.Combine(Place, Assembly), Path.Combine(to, Assembly), overwrite: true);
        }
    }

    private static Dictionary<string, string> Equivalents() => File.ReadAllLines(Repository.PathOf("tests", "Mutants", "equivalent.tsv"))
        .Where(line => line.Length > 0 && line[0] != '#').Select(line => line.Split('\t')).ToDictionary(parts => parts[0], parts => parts[1], StringComparer.Ordinal);

    private static Verdict Parse(string line) => line.Split('\t') is [var fate, var key, var by] ? new Verdict(fate, key, by) : throw new IOException($"no result: {line}");
}
