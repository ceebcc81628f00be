using System.CommandLine;
using System.Globalization;
using Replay.Analyzer.Query;
using Replay.Analyzer.Query.Tree;
using Replay.Analyzer.Store;
using Replay.Cli.Terminal;
using Replay.Cli.Trees;

namespace Replay.Cli.Commands;

/// <summary>Draws the tables of a run as they were after an event.</summary>
internal sealed class TreeCommand : VerbCommand
{
    private const int AllLevels = 5;

    private readonly Argument<string> _database = new("DB") { Description = "A database made by 'replay run'" };
    private readonly Option<long?> _at = new("--at") { Description = "Ordinal of the event after which the tables are drawn (default: the last)", HelpName = "ORDINAL" };
    private readonly Option<string?> _run = new("--run") { Description = "Run, by number or name (default: the first)", HelpName = "RUN" };
    private readonly Option<int> _vcpu = new("--vcpu") { Description = "Whose root (default 0)", HelpName = "N" };
    private readonly Option<string?> _gpa = new("--gpa") { Description = "Only the walk of this guest-physical address (of L2 under nested page tables: its own)", HelpName = "ADDRESS" };
    private readonly Option<string?> _gva = new("--gva")
    {
        Description = "Only the walk of this guest-virtual address; with EPT and NPT through the frame in which the last recorded access found it",
        HelpName = "ADDRESS",
    };

    private readonly Option<string?> _guest = new("--guest") { Description = "The tables for L1 (the guest) or for L2 (a guest that it runs) (default: of who ran last)", HelpName = "L1|L2" };
    private readonly Option<int> _depth = new("--depth") { Description = "Levels drawn; 0: all (default 3)", HelpName = "N", DefaultValueFactory = _ => 3 };
    private readonly Option<int> _entries = new("--entries") { Description = "Lines drawn of each table; 0: all (default 8); JSON has all", HelpName = "N", DefaultValueFactory = _ => 8 };
    private readonly Option<string[]> _symbols = CommonOptions.Symbols();
    private readonly Option<bool> _json = CommonOptions.Json();
    private readonly Option<bool> _wide = CommonOptions.Wide();

    public TreeCommand()
        : base("tree", "Draw the tables of a run as they were after any event, each entry with the function that wrote it and when.")
    {
        Arguments.Add(_database);
        Options.Add(_at);
        _run.TakesRunsOf(_database);
        Options.Add(_run);
        Options.Add(_vcpu);
        Options.Add(_guest);
        Options.Add(_gpa);
        Options.Add(_gva);
        Options.Add(_depth);
        Options.Add(_entries);
        Options.Add(_symbols);
        Options.Add(_json);
        Options.Add(_wide);
    }

    public override IReadOnlyList<Example> Examples { get; } =
    [
        new("replay tree boot.db --at 100000", "the tables after event 100000"),
        new("replay tree boot.db --gpa 0x1000000", "how a guest-physical address is mapped at the end, and who wrote each entry of the walk"),
        new("replay tree boot.db --run shadow --gva 0xffffffff81000000 --at 5000000", "the walk of a guest-virtual address through shadow tables"),
        new("replay tree boot.db --gpa 0x1000000 --symbols System.map", "with the guest's functions that the entries were written for"),
        new("replay tree nested.db --guest L2 --at 60000", "KVM's tables for a guest's own guest (NPT02) beside the nested page tables that its hypervisor made (NPT12)"),
        new("replay tree boot.db --depth 0 --json", "the whole tree, for scripts"),
    ];

    protected override Task<int> RunAsync(ParseResult arguments, CliConsole console, CancellationToken cancellation)
    {
        if (arguments.GetValue(_gpa) is not null && arguments.GetValue(_gva) is not null)
            throw new UsageException("--gpa and --gva: give one of them.");
        using var database = Database.OpenRead(Inputs.Database(arguments.GetRequiredValue(_database)));
        foreach (var warning in database.Warnings)
            console.Error.WriteLine($"replay tree: {warning}");
        var run = Inputs.Run(database, arguments.GetValue(_run));
        var at = arguments.GetValue(_at);
        if (at is { } ordinal)
            Inputs.CheckOrdinals(run, ordinal, ordinal, $"--at {ordinal}");
        var symbols = CommonOptions.ReadSymbols(arguments.GetValue(_symbols));
        var runner = new QueryRunner(database, symbols is null ? null : symbols.Find);
        var reader = new TableTreeReader(runner, run, at ?? run.RowsToOrdinal ?? long.MaxValue, cancellation);
        var vcpu = arguments.GetValue(_vcpu);
        var guest = arguments.GetValue(_guest);
        if (guest is not (null or "L1" or "L2"))
            throw new UsageException($"--guest {guest}: L1 or L2.");
        var root = guest is null ? reader.FindRoot(vcpu) : reader.FindRoot(vcpu, guest);
        var table = root is null ? null : Read(reader, root, arguments);
        var gap = root is null ? guest is null ? TreeGap.Root(runner, run) : TreeGap.Guest(runner, run) : TreeGap.Links(runner, run);
        if (arguments.GetValue(_json))
            TreeJson.Write(run, at, vcpu, root, table, gap, console.Out);
        else if (root is null || table is null)
            console.Lines().WriteLine($"vCPU {vcpu} had no root{(guest is null ? "" : $" for {guest}")}{(at is null ? "" : $" at ordinal {at}")}.");
        else
            new TreeLines(run, arguments.GetValue(_entries), symbols is null ? null : ordinal => GuestFunction(runner, run, ordinal), showsLinks: gap is null).Write(root, table, "", console.Lines(arguments.GetValue(_wide)));
        if (gap is not null && !arguments.GetValue(_json))
            console.Lines(arguments.GetValue(_wide)).WriteLine(gap.ToString());
        return Task.FromResult(ExitCode.Done);
    }

    /// <summary>The guest's function that an entry was written for; null: the run does not show it, or no symbol is near.</summary>
    private static string? GuestFunction(QueryRunner runner, RunRow run, long ordinal)
    {
        const string sql = """
            SELECT symbol(rip, (SELECT c.cr3 FROM guest_cr3 AS c WHERE c.run = coalesce(t.trace_run, t.run) AND c.vcpu = r.vcpu
                AND c.ordinal <= r.ordinal - coalesce(t.ordinal_offset, 0) ORDER BY c.ordinal DESC LIMIT 1))
            FROM trace_of AS t JOIN (SELECT run, vcpu, ordinal, rip FROM fault WHERE run = :run AND ordinal = :ordinal
                  UNION ALL SELECT run, vcpu, ordinal, rip FROM access WHERE run = :run AND ordinal = :ordinal) AS r ON r.run = t.run
            WHERE rip <> 0 LIMIT 1
            """;
        using var rows = runner.Execute(sql, new Dictionary<string, SqlValue> { ["run"] = SqlValue.Of(run.Run), ["ordinal"] = SqlValue.Of(ordinal) });
        return rows.NextResult() && rows.Read() && rows[0].Kind == SqlValueKind.Text ? rows[0].ToString() : null;
    }

    private TreeTable Read(TableTreeReader reader, TreeRoot root, ParseResult arguments)
    {
        var depth = arguments.GetValue(_depth) is > 0 and var levels ? levels : AllLevels;
        var top = reader.ReadTable(root.TableId, 0);
        if (arguments.GetValue(_gpa) is { } gpa)
        {
            return top.Direct || top.Mmu == "guest_mmu"
                ? reader.ReadPath(root.TableId, Address(gpa, "--gpa"))
                : throw new UsageException("--gpa: these are shadow tables, which translate guest-virtual addresses. Use --gva; '@why-gfn' finds the entries that map a frame.");
        }

        if (arguments.GetValue(_gva) is not { } text)
            return reader.ReadTable(root.TableId, depth, Links(arguments));
        var gva = Address(text, "--gva");
        if (top.Mmu == "guest_mmu")
            throw new UsageException("--gva: these tables translate the physical addresses of L2. Use --gpa with one; '@nested-mapping-at' begins with the address that L2 uses.");
        if (!top.Direct)
            return reader.ReadPath(root.TableId, gva);
        var found = reader.LastGpaOf(gva)
            ?? throw new UsageException($"--gva {text}: no access to its page left a trace up to there, so its guest-physical address is not known. Give --gpa{(reader.FirstAccessTo(gva) is { } first ? $", or --at {first} or later" : "")}.");
        return reader.ReadPath(root.TableId, found);
    }

    /// <summary>What is not drawn need not be read.</summary>
    private int Links(ParseResult arguments) =>
        !arguments.GetValue(_json) && arguments.GetValue(_entries) is > 0 and var lines ? lines : int.MaxValue;

    private static ulong Address(string text, string option)
    {
        var isHex = text.StartsWith("0x", StringComparison.OrdinalIgnoreCase);
        if (isHex ? ulong.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value) : ulong.TryParse(text, out value))
            return value;
        throw new UsageException($"{option} {text}: write a decimal or 0x hexadecimal address.");
    }
}
