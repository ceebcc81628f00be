using System.CommandLine;
using System.Globalization;
using Replay.Analyzer.Diff;
using Replay.Analyzer.Diff.Costs;
using Replay.Analyzer.Diff.Html;
using Replay.Cli.Terminal;

namespace Replay.Cli.Commands;

/// <summary>Compares two runs of one capture.</summary>
internal sealed class DiffCommand : VerbCommand
{
    private const int MostRanges = 10_000;
    private const int DivergencesOfPage = 500;

    private readonly Argument<string[]> _sides = new("RUNS")
    {
        Description = "DB RUN RUN, or DB:RUN DB:RUN; a run is named by its mode, name or number",
        Arity = new ArgumentArity(1, 3),
    };

    private readonly Option<string?> _range = new("--range") { Description = "Only trace events FIRST..LAST", HelpName = "FIRST..LAST" };
    private readonly Option<int> _ranges = new("--ranges") { Description = "Split the trace into so many equal ranges (default 48)", HelpName = "N", DefaultValueFactory = _ => 48 };
    private readonly Option<FileInfo?> _costs = new("--costs") { Description = "Cost table (default: schemas/costs/default.json)", HelpName = "FILE" };
    private readonly Option<FileInfo?> _html = new("--output", "-o", "--html") { Description = "Write a report with charts as one HTML file that loads nothing", HelpName = "FILE" };
    private readonly Option<string?> _divergences = new("--divergences") { Description = "Describe so many of the events at which they part, or all (default: 500 with --html, the first elsewhere)", HelpName = "N|all" };
    private readonly Option<string?> _explorer = new("--explorer") { Description = "With --html: link to this 'replay serve' (default: to the one at its usual port here, if it shows both runs)", HelpName = "URL" };
    private readonly Option<string[]> _symbols = CommonOptions.Symbols();
    private readonly Option<bool> _force = CommonOptions.Force();
    private readonly Option<bool> _json = CommonOptions.Json();
    private readonly Option<bool> _wide = CommonOptions.Wide();

    public DiffCommand()
        : base("diff", "Compare two runs of one capture, aligned by the guest's own events: what KVM did in one mode and not in the other, and what it costs.")
    {
        Arguments.Add(_sides);
        Options.Add(_range);
        Options.Add(_ranges);
        Options.Add(_costs);
        Options.Add(_html);
        Options.Add(_divergences);
        Options.Add(_explorer);
        Options.Add(_symbols);
        Options.Add(_json);
        Options.Add(_wide);
        Options.Add(_force);
    }

    public override IReadOnlyList<Example> Examples { get; } =
    [
        new("replay diff boot.db ept shadow", "two modes of one database; exit code 1: they differ"),
        new("replay diff boot.db ept ept-tdp --html ept.html", "a report with charts, in one file"),
        new("replay diff boot.db ept shadow --html all.html --divergences all --explorer http://127.0.0.1:7171", "every event at which they part, each linked to a running 'replay serve boot.db'"),
        new("replay diff 4k.db:npt thp.db:npt --json", "the same mode on two hosts, from two databases"),
        new("replay diff nested.db npt-tdp shadow", "of a guest that runs guests of its own: also what these (L2) cost, apart from their hypervisor (L1)"),
        new("replay diff boot.db ept shadow --range 1000000..2000000 --costs mine.json", "a part of the trace, with costs of your machine"),
    ];

    protected override async Task<int> RunAsync(ParseResult arguments, CliConsole console, CancellationToken cancellation)
    {
        var options = ReadOptions(arguments);
        var html = arguments.GetValue(_html);
        if (html is null && arguments.GetValue(_explorer) is not null)
            throw new UsageException("--explorer: is for the links of a report. Name it with --html FILE.");
        if (html is { Exists: true } && !arguments.GetValue(_force))
            throw new OutputExistsException($"{html}: exists. Use --force to overwrite it, or another name.");
        if (html is not null)
            Outputs.Checked(html.FullName);
        using var sides = DiffSides.Open(arguments.GetValue(_sides) ?? []);
        CheckRange(options, sides, arguments.GetValue(_range));
        var diff = RunComparison.Of(sides.A, sides.B, options, cancellation);
        if (CommonOptions.ReadSymbols(arguments.GetValue(_symbols)) is { } symbols)
            diff = Annotate(diff, symbols, sides);
        if (arguments.GetValue(_json))
            console.Out.WriteLine(DiffJson.Text(diff));
        else
            DiffReport.Write(diff, console, arguments.GetValue(_wide));
        if (html is not null)
        {
            var links = await RunningExplorer.FindAsync(arguments.GetValue(_explorer), diff, cancellation).ConfigureAwait(false);
            await File.WriteAllTextAsync(html.FullName, HtmlReport.Text(diff, links), cancellation).ConfigureAwait(false);
            console.Error.WriteLine($"{html}: report written{(links is null ? "" : $", with links into {links.Server}")}");
        }

        return diff.IsSame ? ExitCode.Done : ExitCode.Different;
    }

    private static RunDiff Annotate(RunDiff diff, SymbolTable symbols, DiffSides sides)
    {
        var spaces = symbols.HasSpaces ? (A: sides.A.AddressSpaces(), B: sides.B.AddressSpaces()) : default;
        return diff with
        {
            FirstDivergence = diff.FirstDivergence is { } first ? Named(first) : null,
            Divergences = diff.Divergences is { } list ? list with { First = [.. list.First.Select(Named)] } : null,
        };

        RunDivergence Named(RunDivergence divergence) => divergence with { Access = symbols.Annotate(divergence.Access, Space(divergence.Ordinal)) };

        ulong? Space(long? ordinal) => ordinal is not { } at || spaces.A is null ? null
            : spaces.A.At(sides.A.VcpuOf(at), at) ?? spaces.B.At(sides.B.VcpuOf(at), at);
    }

    private DiffOptions ReadOptions(ParseResult arguments)
    {
        var (from, to) = Range(arguments.GetValue(_range));
        var ranges = arguments.GetValue(_ranges);
        if (ranges is < 1 or > MostRanges)
            throw new UsageException($"--ranges {ranges}: from 1 to {MostRanges}.");
        var costs = arguments.GetValue(_costs) is not { } file ? CostTable.Default
            : file.Exists ? CostTable.Read(file.FullName)
            : throw new InputMissingException($"{file}: no such cost table.");
        return new DiffOptions { From = from, To = to, Ranges = ranges, Costs = costs, Divergences = Divergences(arguments) };
    }

    private int? Divergences(ParseResult arguments) => arguments.GetValue(_divergences) switch
    {
        null => arguments.GetValue(_html) is null ? null : DivergencesOfPage,
        "all" => int.MaxValue,
        var text when int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var count) => count,
        var text => throw new UsageException($"--divergences {text}: a number, or all."),
    };

    /// <summary>Where neither run has an event there is nothing to compare, and "the same" would be no answer.</summary>
    private static void CheckRange(DiffOptions options, DiffSides sides, string? text)
    {
        var first = Math.Min(sides.A.Run.FirstOrdinal ?? 0, sides.B.Run.FirstOrdinal ?? 0);
        var last = Math.Max(sides.A.Run.LastOrdinal ?? 0, sides.B.Run.LastOrdinal ?? 0);
        var stored = Math.Min(last, Math.Min(sides.A.Run.RowsToOrdinal ?? last, sides.B.Run.RowsToOrdinal ?? last));
        if (options.From > stored || options.To < first)
            throw new UsageException($"--range {text}: the runs hold events {first} to {stored}.");
    }

    private static (long? From, long? To) Range(string? text)
    {
        if (text is null)
            return (null, null);
        if (text.Split("..") is [var first, var last] && Number(first, out var from) && Number(last, out var to) && (from ?? 0) <= (to ?? long.MaxValue))
            return (from, to);
        throw new UsageException($"--range {text}: write FIRST..LAST, as in 1000..2000; either may be left out.");
    }

    private static bool Number(string text, out long? number)
    {
        number = null;
        if (text.Length == 0)
            return true;
        if (!long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value))
            return false;
        number = value;
        return true;
    }
}
