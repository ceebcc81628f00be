using System.CommandLine;
using System.Globalization;
using Replay.Analyzer.Query;
using Replay.Analyzer.Store;
using Replay.Cli.Terminal;
using Replay.Trace;

namespace Replay.Cli.Commands;

/// <summary>Prints the events of a capture, or everything a run's MMU did, line by line.</summary>
internal sealed class EventsCommand : VerbCommand
{
    private readonly Argument<string> _input = new("INPUT") { Description = "A capture or a database" };
    private readonly Argument<string?> _range = new("RANGE") { Description = "Ordinals FIRST..LAST, FIRST.. or one", Arity = ArgumentArity.ZeroOrOne };
    private readonly Option<string?> _run = new("--run") { Description = "Run of a database, by number or name (default: the first)", HelpName = "RUN" };
    private readonly Option<string?> _gfn = new("--gfn") { Description = "Only lines that concern this guest frame", HelpName = "GFN" };
    private readonly Option<long?> _table = new("--table") { Description = "Only lines that concern this table page (databases)", HelpName = "ID" };
    private readonly Option<string[]> _kinds = new("--kind") { Description = "Only this kind of line; repeatable", HelpName = "KIND" };
    private readonly Option<bool> _noAccesses = new("--no-accesses") { Description = "Leave out plain accesses (captures)" };
    private readonly Option<string?> _gpa = new("--gpa") { Description = "Only accesses to these guest-physical bytes, FIRST..LAST or one (captures)", HelpName = "RANGE" };
    private readonly Option<string?> _gva = new("--gva") { Description = "Only accesses to these guest-virtual bytes, FIRST..LAST or one (captures)", HelpName = "RANGE" };
    private readonly Option<bool> _writes = new("--writes") { Description = "Only stores (captures): when was it written, by which instruction, with which value where that was recorded" };
    private readonly Option<string[]> _symbols = CommonOptions.Symbols();
    private readonly Option<bool> _json = new("--json") { Description = "A JSON object a line on stdout; addresses are \"0x...\" strings" };
    private readonly Option<bool> _wide = CommonOptions.Wide();
    private readonly Option<long?> _limit = new("--limit", "-n") { Description = "Stop after so many lines", HelpName = "N" };

    public EventsCommand()
        : base("events", "Print the stream of a capture, or a run's history: exits, faults, writes, pages, roots, flushes in order.")
    {
        Arguments.Add(_input);
        Arguments.Add(_range);
        _run.TakesRunsOf(_input);
        Options.Add(_run);
        Options.Add(_gfn);
        Options.Add(_table);
        Options.Add(_kinds);
        Options.Add(_noAccesses);
        Options.Add(_gpa);
        Options.Add(_gva);
        Options.Add(_writes);
        Options.Add(_symbols);
        Options.Add(_json);
        Options.Add(_wide);
        Options.Add(_limit);
    }

    public override IReadOnlyList<Example> Examples { get; } =
    [
        new("replay events boot.capture --no-accesses -n 40", "the first events that are more than plain accesses"),
        new("replay events boot.capture --gpa 0x2a03000..0x2a03fff --writes --symbols System.map", "when these bytes were written, by whom, without any replay"),
        new("replay events boot.db 1000..2000 --run ept-tdp", "what KVM did between two ordinals"),
        new("replay events nested.db --kind guest_state", "each way into a guest's own guest and out of it, with its exit code"),
        new("replay events boot.db --run ept --kind fault --json | head -3", "for scripts: an object a line"),
        new("replay events boot.db --gfn 0x1a2 --kind write", "every write to an entry that translates this frame"),
    ];

    protected override Task<int> RunAsync(ParseResult arguments, CliConsole console, CancellationToken cancellation)
    {
        var input = Inputs.Resolve(arguments.GetRequiredValue(_input));
        var (first, last) = Range(arguments.GetValue(_range));
        var gfn = arguments.GetValue(_gfn) is { } text ? Number(text, "--gfn") : (long?)null;
        Refuse(arguments, input.IsCapture, input.Path);
        var symbols = CommonOptions.ReadSymbols(arguments.GetValue(_symbols));
        var lines = input.IsCapture
            ? CaptureLines.Read(
                input.Path,
                first,
                last,
                new CaptureFilter(gfn, Bytes(arguments.GetValue(_gpa), "--gpa"), Bytes(arguments.GetValue(_gva), "--gva"), arguments.GetValue(_writes)),
                arguments.GetValue(_kinds) ?? [],
                arguments.GetValue(_noAccesses),
                reader => Format(reader, symbols, arguments.GetValue(_json)),
                cancellation)
            : RunLines(input.Path, first, last, gfn, symbols, arguments, console, cancellation);
        var limit = arguments.GetValue(_limit) ?? long.MaxValue;
        var output = arguments.GetValue(_json) ? console.Out : console.Lines(arguments.GetValue(_wide));
        foreach (var line in lines)
        {
            if (limit-- == 0)
            {
                console.Error.WriteLine("replay events: stopped at --limit; there are more.");
                break;
            }

            output.WriteLine(line);
        }

        return Task.FromResult(ExitCode.Done);
    }

    /// <summary>Names that hold in one address space need to know which one a vCPU is in: what the events tell, from the capture's beginning.</summary>
    private static CaptureFormat Format(CaptureReader reader, SymbolTable? symbols, bool json)
    {
        var spaces = symbols is { HasSpaces: true } ? AddressSpaces.Of(reader) : null;
        return json ? EventJson.Lines(symbols, spaces) : CaptureText.Lines(symbols, spaces);
    }

    /// <summary>An option that the other kind of input has would be ignored, and what is printed taken for an answer to it.</summary>
    private void Refuse(ParseResult arguments, bool isCapture, string input)
    {
        if (isCapture && arguments.GetValue(_run) is not null)
            throw new UsageException("--run: a capture has no runs. Name a database.");
        if (isCapture && arguments.GetValue(_table) is not null)
            throw new UsageException("--table: a capture has no tables of KVM. Name a database.");
        if (!isCapture && (arguments.GetValue(_gpa) is not null || arguments.GetValue(_gva) is not null || arguments.GetValue(_writes)))
            throw new UsageException($"--gpa, --gva, --writes: are for captures. Of a database, --gfn GFN has what concerns a frame (the address shifted right by 12), 'replay query {input} @writes-to-range -p from=ADDRESS -p to=ADDRESS' the stores, '... @why-gva -p gva=ADDRESS' a guest-virtual page.");
        if (!isCapture && arguments.GetValue(_noAccesses))
            throw new UsageException("--no-accesses: is for captures. Name the kinds of lines with --kind.");
    }

    private IEnumerable<string> RunLines(
        string path, long first, long last, long? gfn, SymbolTable? symbols, ParseResult arguments, CliConsole console, CancellationToken cancellation)
    {
        using var database = Database.OpenRead(path);
        foreach (var warning in database.Warnings)
            console.Error.WriteLine($"replay events: {warning}");
        var run = Inputs.Run(database, arguments.GetValue(_run));
        Inputs.CheckOrdinals(run, first, last, $"RANGE {arguments.GetValue(_range)}");
        var filter = new EventFilter
        {
            Run = run.Run,
            FirstOrdinal = first,
            LastOrdinal = last,
            Gfn = gfn,
            TableId = arguments.GetValue(_table),
            Kinds = arguments.GetValue(_kinds) ?? [],
        };
        var spaces = symbols is { HasSpaces: true } ? AddressSpaces.Of(database, filter.Run) : null;
        foreach (var line in EventLines.Read(new QueryRunner(database), filter, cancellation))
        {
            var cr3 = spaces?.At(line.Vcpu, line.Ordinal);
            yield return arguments.GetValue(_json) ? EventJson.Of(line, symbols, cr3) : symbols?.Annotate(line.ToString(), cr3) ?? line.ToString();
        }
    }

    private static (long First, long Last) Range(string? text)
    {
        if (text is null)
            return (0, long.MaxValue);
        var dots = text.IndexOf("..", StringComparison.Ordinal);
        if (dots < 0)
            return (Number(text, "RANGE"), Number(text, "RANGE"));
        var first = dots == 0 ? 0 : Number(text[..dots], "RANGE");
        var last = dots + 2 == text.Length ? long.MaxValue : Number(text[(dots + 2)..], "RANGE");
        return first <= last ? (first, last) : throw new UsageException($"RANGE {text}: the first ordinal is behind the last.");
    }

    /// <summary>Addresses, the last one included.</summary>
    private static (ulong First, ulong Last)? Bytes(string? text, string what)
    {
        if (text is null)
            return null;
        var dots = text.IndexOf("..", StringComparison.Ordinal);
        var first = Address(dots < 0 ? text : text[..dots], what);
        var last = dots < 0 ? first : Address(text[(dots + 2)..], what);
        return first <= last ? (first, last) : throw new UsageException($"{what} {text}: the first address is behind the last.");
    }

    private static ulong Address(string text, string what)
    {
        var isHex = text.StartsWith("0x", StringComparison.OrdinalIgnoreCase);
        return ulong.TryParse(isHex ? text[2..] : text, isHex ? NumberStyles.HexNumber : NumberStyles.None, CultureInfo.InvariantCulture, out var value)
            ? value
            : throw new UsageException($"{what} {text}: FIRST..LAST or one address, decimal or 0x hexadecimal.");
    }

    private static long Number(string text, string what)
    {
        var isHex = text.StartsWith("0x", StringComparison.OrdinalIgnoreCase);
        return long.TryParse(isHex ? text[2..] : text, isHex ? NumberStyles.HexNumber : NumberStyles.None, CultureInfo.InvariantCulture, out var value)
            ? value
            : throw new UsageException($"{what} {text}: a decimal or 0x hexadecimal number.");
    }
}
