using System.Globalization;

namespace Replay.Mutants;

/// <summary>
/// Tries mutants one after the other, in a process that may be lost to any of them. Lines that begin with "&gt; " are for the parent: which mutant is
/// being tried with a test and how long that takes without it, and what became of it.
/// </summary>
internal sealed class Worker(IReadOnlyList<Suite> suites, int mutants, string survey)
{
    private readonly List<TestCase> _tests = [.. suites.SelectMany(suite => suite.Tests)];

    /// <summary>Which mutants each test comes by, from an earlier worker's file or by running all tests once. Those that fail as they are, are left out.</summary>
    /// <param name="slowest">Tests that take more seconds are left out.</param>
    public void Survey(double slowest)
    {
        if (!File.Exists(survey))
        {
            var lines = new List<string>();
            foreach (var test in _tests)
            {
                var begun = Environment.CpuUsage.TotalTime;
                var failure = test.Suite.Survey(test, mutants);
                test.Seconds = (Environment.CpuUsage.TotalTime - begun).TotalSeconds;
                // Of what is quick, compiling takes most of the first run and nothing of the next.
                if (failure is null && test.Seconds < 0.5)
                {
                    begun = Environment.CpuUsage.TotalTime;
                    failure = test.Run();
                    test.Seconds = (Environment.CpuUsage.TotalTime - begun).TotalSeconds;
                }

                lines.Add(string.Create(CultureInfo.InvariantCulture, $"{test.Name}\t{test.Seconds:F4}\t{(failure is null ? Convert.ToHexString(test.Reached) : $"fails: {failure}")}"));
            }

            File.WriteAllLines(survey, lines);
        }

        var known = File.ReadAllLines(survey).Select(line => line.Split('\t')).ToLookup(parts => parts[0], StringComparer.Ordinal);
        foreach (var test in _tests)
        {
            if (known[test.Name].FirstOrDefault() is not [_, var seconds, var reached] || reached.StartsWith("fails", StringComparison.Ordinal))
            {
                test.Reached = [];
                continue;
            }

            test.Seconds = double.Parse(seconds, CultureInfo.InvariantCulture);
            test.Reached = test.Seconds > slowest ? [] : Convert.FromHexString(reached);
        }
    }

    public void Try(int mutant)
    {
        // Tests that come by few mutants and are quick go first.
        var reaching = _tests.Where(test => mutant < test.Reached.Length && test.Reached[mutant] != 0)
            .OrderBy(test => test.Suite.Rank).ThenBy(test => (0.002 + test.Seconds) * (5 + test.Reached.Count(reached => reached != 0))).ToList();
        var isHit = false;
        foreach (var test in reaching)
        {
            Tell($"begin {mutant} {test.Seconds}");
            test.Suite.IsHit = false;
            test.Suite.Active = mutant;
            var failure = test.Run();
            test.Suite.Active = -1;
            isHit |= test.Suite.IsHit;
            if (failure is null)
                continue;
            // A mutant may have damaged what outlives a test: then this process is of no use any more.
            var isPoisoned = test.Run() is not null;
            Tell($"killed {mutant} {test.Suite.Rank} {test.Name}: {failure}");
            if (isPoisoned)
                Environment.Exit(3);
            return;
        }

        // What runs once in a process ran before the mutant was on.
        Tell(reaching.Count == 0 ? $"unreached {mutant}" : isHit ? $"survived {mutant}" : $"cold {mutant}");
    }

    /// <summary>The mutant has been on since before the first line of the code ran.</summary>
    public void TryCold(int mutant)
    {
        var reaching = _tests.Where(test => mutant < test.Reached.Length && test.Reached[mutant] != 0).OrderBy(test => test.Suite.Rank).ThenBy(test => test.Seconds).ToList();
        foreach (var test in reaching)
        {
            Tell($"begin {mutant} {test.Seconds}");
            if (test.Run() is { } failure)
            {
                Tell($"killed {mutant} {test.Suite.Rank} {test.Name}: {failure}");
                return;
            }
        }

        Tell($"survived {mutant}");
    }

    private static void Tell(string line)
    {
        Console.Out.WriteLine($"> {line}");
        Console.Out.Flush();
    }
}
