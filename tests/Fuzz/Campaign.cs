using System.Diagnostics;
using System.Globalization;
using Replay.Cli;

namespace Replay.Fuzz;

/// <summary>Gives a parser damaged inputs and counts what becomes of them.</summary>
internal sealed class Campaign(Parser parser, int seed, string findings)
{
    /// <summary>An input may take so much processor time, or wait so long, and make the parser allocate so much.</summary>
    private const double MostSeconds = 20;
    private const double LongestWait = 600;
    private const long MostBytes = 512L << 20;

    private readonly HashSet<string> _kinds = new(StringComparer.Ordinal);
    private readonly Stopwatch _watch = Stopwatch.StartNew();
    private byte[] _current = [];

    public long Inputs { get; private set; }

    public long Read { get; private set; }

    public long Refused { get; private set; }

    public long Crashes { get; private set; }

    public long Greedy { get; private set; }

    public string Row => string.Create(CultureInfo.InvariantCulture,
        $"| {parser.Name} | {Inputs:N0} | {Read:N0} | {Refused:N0} | {Crashes:N0} | 0 | {Greedy:N0} | {1e6 * _watch.Elapsed.TotalSeconds / Math.Max(1, Inputs):F0} |");

    public static string Heading => "| what is read | inputs | read | refused in one line | crashes | hangs | greedy | µs an input |\n| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |";

    public void Run(long inputs)
    {
        // What is undamaged is read.
        foreach (var whole in parser.Seeds)
        {
            var fate = parser.Read(whole);
            if (fate != Fate.Read)
                throw new InvalidOperationException($"{parser.Name}: refuses what is undamaged");
        }

        using var stop = new ManualResetEventSlim();
        var watchdog = new Thread(() => Watch(stop)) { IsBackground = true };
        watchdog.Start();
        var random = new Random(seed);
        var mutator = new Mutator(random);
        var baseline = 0L;
        for (; Inputs < inputs; Inputs++)
        {
            var input = mutator.Damage(parser.Seeds, parser.IsText);
            if (random.Next(4) != 0)
                input = parser.Sign(input);
            _current = input;
            baseline = GC.GetAllocatedBytesForCurrentThread();
            Try(input);
            if (GC.GetAllocatedBytesForCurrentThread() - baseline > MostBytes)
            {
                Greedy++;
                Keep("greedy", input, "");
            }

            if (Inputs % 100_000 == 99_999)
                Console.Error.WriteLine(Row);
        }

        stop.Set();
        watchdog.Join();
        _watch.Stop();
    }

    private void Try(byte[] input)
    {
        try
        {
            if (parser.Read(input) == Fate.Read)
                Read++;
            else
                Refused++;
        }
        catch (Exception exception)
        {
            using var told = new StringWriter();
            var code = Failure.Report(exception, "replay", told);
            if (code is ExitCode.InternalError or ExitCode.NoMemory || exception.Message.Length == 0 || told.ToString().AsSpan().TrimEnd().ContainsAny('\n', '\r'))
            {
                Crashes++;
                var frame = exception.StackTrace?.Split('\n').FirstOrDefault(line => line.Contains("Replay.", StringComparison.Ordinal))?.Trim() ?? "";
                Keep($"{exception.GetType().Name} {frame}", input, exception.ToString());
            }
            else
            {
                Refused++;
            }
        }
    }

    /// <summary>The first input of each kind of failure is kept.</summary>
    private void Keep(string kind, byte[] input, string text)
    {
        if (!_kinds.Add(kind))
            return;
        Directory.CreateDirectory(findings);
        var path = Path.Combine(findings, $"{parser.Name.Replace(' ', '-').Replace('/', '-')}.{_kinds.Count}");
        File.WriteAllBytes(path, input);
        File.WriteAllText(path + ".txt", $"{kind}\n{text}\n");
        Console.Error.WriteLine($"{parser.Name}: {kind}: {path}");
    }

    private void Watch(ManualResetEventSlim stop)
    {
        var (at, since, waited) = (-1L, TimeSpan.Zero, Stopwatch.StartNew());
        while (!stop.Wait(TimeSpan.FromSeconds(2)))
        {
            var now = Environment.CpuUsage.TotalTime;
            if (at != Inputs)
            {
                (at, since) = (Inputs, now);
                waited.Restart();
            }

            if ((now - since).TotalSeconds < MostSeconds && waited.Elapsed.TotalSeconds < LongestWait)
                continue;
            Keep("hang", _current, "");
            Console.WriteLine($"{parser.Name}: HANG at input {Inputs}");
            Environment.Exit(1);
        }
    }
}
