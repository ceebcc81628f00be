using System.Diagnostics;
using System.Globalization;

namespace Replay.Mutants;

/// <summary>A worker, watched from outside: what takes far too much processor time, or ends its process, is killed as well.</summary>
internal sealed class WorkerProcess(Options options, int mutants)
{
    public const string Verb = "--worker";

    /// <summary>A worker runs the tests once to learn what they come by.</summary>
    public void Survey() => Run([], _ => { });

    /// <summary>Tries mutants, with as many processes as it takes, and tells what became of each: its number, fate, and why.</summary>
    public void Try(IEnumerable<int> numbers, Action<int, string, string> tell)
    {
        var left = new Queue<int>(numbers);
        var cold = new List<int>();
        while (left.Count > 0)
            Run([.. left], line => Take(line, left, cold, tell));
        foreach (var number in cold)
            Run([-number - 1], line => Take(line, new Queue<int>([number]), [], tell));
    }

    private static void Take(string line, Queue<int> left, List<int> cold, Action<int, string, string> tell)
    {
        var parts = line.Split(' ', 4);
        var number = int.Parse(parts[1], CultureInfo.InvariantCulture);
        if (parts[0] == "begin")
            return;
        // Numbers are tried in their order; one that was lost is told with its fate by whoever lost it.
        if (left.Count > 0 && left.Peek() == number)
            left.Dequeue();
        if (parts[0] == "cold")
            cold.Add(number);
        else
            tell(number, parts[0] == "killed" && parts[2] != "0" ? "conformance" : parts[0], parts.Length > 3 ? parts[3] : "");
    }

    /// <summary>Runs a worker to its end, or that of the mutant which it is lost to.</summary>
    private void Run(int[] numbers, Action<string> take)
    {
        var start = new ProcessStartInfo("dotnet", [typeof(WorkerProcess).Assembly.Location, Verb, $"{mutants}", options.Unit ? "unit" : "all", options.Slowest.ToString(CultureInfo.InvariantCulture), string.Join(',', numbers)])
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
        };
        // What allocates for ever ends as a failure, not as a machine without memory; what counts on for ever, by its processor time.
        start.Environment["DOTNET_GCHeapHardLimit"] = "0xA0000000";
        start.Environment["DOTNET_TieredPGO"] = "0";
        using var process = Process.Start(start)!;
        var (current, limit, gate) = (-1, double.MaxValue, new Lock());
        process.OutputDataReceived += (_, message) =>
        {
            if (message.Data is not { } line || !line.StartsWith("> ", StringComparison.Ordinal))
                return;
            lock (gate)
            {
                line = line[2..];
                var parts = line.Split(' ');
                current = parts[0] == "begin" ? int.Parse(parts[1], CultureInfo.InvariantCulture) : -1;
                limit = current < 0 ? double.MaxValue : Seconds(process) + 10 + (10 * double.Parse(parts[2], CultureInfo.InvariantCulture));
                take(line);
            }
        };
        process.BeginOutputReadLine();
        while (!process.WaitForExit(500))
        {
            lock (gate)
            {
                if (Seconds(process) > limit)
                    process.Kill(entireProcessTree: true);
            }
        }

        process.WaitForExit();
        lock (gate)
        {
            if (current >= 0)
                take($"{(limit < double.MaxValue && process.ExitCode == 137 ? "hung" : "killed")} {current} 0 its process, which ended with {process.ExitCode}");
        }

        if (process.ExitCode != 0 && numbers.Length == 0)
            throw new InvalidOperationException("the tests cannot be run once");
    }

    private static double Seconds(Process process)
    {
        try
        {
            process.Refresh();
            return process.TotalProcessorTime.TotalSeconds;
        }
        catch (InvalidOperationException)
        {
            return 0;
        }
    }
}
