using System.Globalization;
using System.Text.Json;

namespace Replay.Cli.Tests.Ftrace;

/// <summary>What of a trace is left.</summary>
internal enum TracePart
{
    /// <summary>All of it.</summary>
    Whole,

    /// <summary>What stands behind an exit: it begins in the midst of a VM's life.</summary>
    Cut,

    /// <summary>A twentieth of its lines is lost behind an exit.</summary>
    Lost,
}

/// <summary>A trace with probes, and the host that it is of.</summary>
internal sealed record RecordedTrace(string Name, string Text, string Host, string Kernel, string Mode)
{
    /// <summary>What the probes show, once it was read.</summary>
    public IReadOnlyList<RealWrite>? Real { get; set; }
}

/// <summary>An entry write of a run.</summary>
internal sealed record RealWrite(long Ordinal, string Shown, string Text, string Place, string OldKind);

/// <summary>How much of the real entry writes a replay of the stock tracepoints recovers.</summary>
/// <param name="Real">Entry writes that the probes show in what is left of the trace.</param>
/// <param name="InOrder">Those that the companion has, in the order in which they were.</param>
/// <param name="Older">Those it has not, of entries that were made before what is left begins, and that were not written in it before.</param>
/// <param name="MadeUp">Writes that the companion has and the kernel did not make.</param>
/// <param name="Claimed">Of them, those that are not said to be assumed.</param>
/// <param name="Agrees">The import says so of trace and model.</param>
internal sealed record RecoveredShare(int Real, int InOrder, int Older, int MadeUp, int Claimed, bool Agrees)
{
    private const string Sql =
        "select w.ordinal, w.shown, w.level || ' ' || coalesce(w.gfn, '') || ' ' || case w.new_kind when 'table' then 'table' when 'none' then 'none' when 'unknown' then 'mmio' when 'mmio' then 'mmio' else w.new_hex end as write, "
        + "w.table_id || ' ' || w.idx as place, w.old_kind from table_write as w join run as r using (run) where r.name = '{0}' and w.actor = 'kvm' order by w.ordinal, w.seq";

    public int Others => Real - InOrder - Older;

    /// <summary>Measures one part of a trace.</summary>
    /// <param name="folder">For the files.</param>
    /// <param name="trace">The trace.</param>
    /// <param name="part">What is left of it.</param>
    /// <param name="at">Where it is cut or holed, of its length.</param>
    public static async Task<RecoveredShare> Measure(TemporaryFolder folder, RecordedTrace trace, TracePart part, double at = 0.5)
    {
        var events = trace.Text.Split('\n').Where(line => line.Length > 0 && line[0] != '#' && !line.Contains("[LOST", StringComparison.Ordinal)).ToList();
        var stock = Enumerable.Range(0, events.Count).Where(i => !events[i].Contains(": (", StringComparison.Ordinal) && !events[i].Contains("tracing_mark_write", StringComparison.Ordinal)).ToList();
        var lines = stock.ConvertAll(i => events[i]);
        var (first, end) = part == TracePart.Whole ? (0, 0) : (lines.FindIndex((int)(lines.Count * at), IsExit), 0);
        if (part == TracePart.Lost && lines.FindIndex(Math.Min(lines.Count - 1, first + Math.Max(20, lines.Count / 20)), IsExit) is var behind)
            end = behind < 0 ? lines.Count - 1 : behind;
        string[] left = part switch
        {
            TracePart.Cut => [.. lines[first..]],
            TracePart.Lost => [.. lines[..first], $"CPU:0 [LOST {end - first} EVENTS]", .. lines[end..]],
            _ => [.. lines],
        };
        File.WriteAllText(folder["part.txt"], string.Join('\n', left) + "\n");
        trace.Real ??= await Probed(folder, trace);
        var said = await Run(
            "import", "ftrace", folder["part.txt"], "-o", folder["part.capture"], "--db", folder["part.db"], "--host", trace.Host, "--kernel", trace.Kernel, "--mmu", trace.Mode, "--force");
        var real = trace.Real;
        var filled = await Writes(folder["part.db"], "observed-filled");
        var offset = (await Rows(folder["part.db"], "select coalesce(json_extract(options, '$.ordinal_offset'), 0) from run where name = 'observed-filled'"))[0][0] is { Length: > 0 } text
            ? long.Parse(text, CultureInfo.InvariantCulture) : 0;
        (long From, long To, long FilledFrom, long FilledTo)[] stretches = part switch
        {
            TracePart.Cut => [(stock[first], long.MaxValue, long.MinValue, long.MaxValue)],
            TracePart.Lost => [(0, stock[first], long.MinValue, first), (stock[end], long.MaxValue, first, long.MaxValue)],
            _ => [(0, long.MaxValue, long.MinValue, long.MaxValue)],
        };
        var sum = new RecoveredShare(0, 0, 0, 0, 0, said.Contains("trace and model agree", StringComparison.Ordinal));
        foreach (var stretch in stretches)
        {
            var ours = filled.Where(write => write.Shown is "seen" or "derived" or "assumed" && write.Ordinal - offset >= stretch.FilledFrom && write.Ordinal - offset < stretch.FilledTo).ToList();
            var theirs = real.Where(write => write.Ordinal >= stretch.From && write.Ordinal < stretch.To).ToList();
            sum = sum.With(theirs, ours, filled.Count(write => write.Shown == "missing" && write.Ordinal - offset >= stretch.FilledFrom && write.Ordinal - offset < stretch.FilledTo));
        }

        return sum;
    }

    private static async Task<List<RealWrite>> Probed(TemporaryFolder folder, RecordedTrace trace)
    {
        File.WriteAllText(folder["full.txt"], trace.Text);
        await Run("import", "ftrace", folder["full.txt"], "--db", folder["full.db"], "--kernel", trace.Kernel, "--mmu", trace.Mode, "--force");
        return await Writes(folder["full.db"], "observed");
    }

    private RecoveredShare With(List<RealWrite> real, List<RealWrite> made, int missing)
    {
        var filled = made.ConvertAll(write => write.Text);
        var claimed = made.Where(write => write.Shown != "assumed").Select(write => write.Text).ToList();
        var written = new HashSet<string>(StringComparer.Ordinal);
        var older = new List<string>();
        foreach (var write in real)
        {
            if (written.Add(write.Place) && write.OldKind != "none")
                older.Add(write.Text);
        }

        var theirs = real.ConvertAll(write => write.Text);
        var inOrder = Longest(theirs, filled);
        // Of what is not there, as much as can be is of older entries; what is there at another place in the order is not.
        var absent = Counts(theirs);
        foreach (var (text, count) in Counts(filled))
            absent[text] = Math.Max(0, absent.GetValueOrDefault(text) - count);
        var lost = Counts(older).Sum(pair => Math.Min(pair.Value, absent.GetValueOrDefault(pair.Key)));
        return this with { Real = Real + real.Count, InOrder = InOrder + inOrder, Older = Older + lost, MadeUp = MadeUp + missing + filled.Count - inOrder, Claimed = Claimed + missing + claimed.Count - Longest(theirs, claimed) };
    }

    private static Dictionary<string, int> Counts(List<string> writes) => writes.GroupBy(text => text, StringComparer.Ordinal).ToDictionary(group => group.Key, group => group.Count(), StringComparer.Ordinal);

    private static bool IsExit(string line) => line.Contains(": kvm_exit:", StringComparison.Ordinal);

    /// <summary>Length of the longest common subsequence.</summary>
    private static int Longest(List<string> left, List<string> right)
    {
        var same = 0;
        while (same < left.Count && same < right.Count && left[same] == right[same])
            same++;
        var row = new int[right.Count - same + 1];
        foreach (var item in left.Skip(same))
        {
            var diagonal = 0;
            for (var i = 1; i < row.Length; i++)
            {
                var above = row[i];
                row[i] = item == right[same + i - 1] ? diagonal + 1 : Math.Max(row[i], row[i - 1]);
                diagonal = above;
            }
        }

        return same + row[^1];
    }

    private static async Task<List<RealWrite>> Writes(string database, string run) =>
        (await Rows(database, Sql.Replace("{0}", run, StringComparison.Ordinal)))
            .ConvertAll(row => new RealWrite(long.Parse(row[0], CultureInfo.InvariantCulture), row[1], row[2], row[3], row[4]));

    private static async Task<List<string[]>> Rows(string database, string sql)
    {
        var (exitCode, text, error) = await CommandRunner.Run("query", database, sql, "--format", "jsonl");
        Assert.True(exitCode == ExitCode.Done, error);
        var rows = new List<string[]>();
        foreach (var line in text.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            using var json = JsonDocument.Parse(line);
            rows.Add([.. json.RootElement.EnumerateObject().Select(column => column.Value.ToString())]);
        }

        return rows;
    }

    private static async Task<string> Run(params string[] arguments)
    {
        var (exitCode, _, error) = await CommandRunner.Run(arguments);
        Assert.True(exitCode == ExitCode.Done, error);
        return error;
    }
}
