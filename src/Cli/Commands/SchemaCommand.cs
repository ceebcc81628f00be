using System.CommandLine;
using System.Text.Encodings.Web;
using System.Text.Json;
using Replay.Analyzer.Schema;
using Replay.Cli.Terminal;
using Replay.Trace;

namespace Replay.Cli.Commands;

/// <summary>Prints the reference of the database, or of one view.</summary>
internal sealed class SchemaCommand : VerbCommand
{
    private static readonly JsonSerializerOptions Format = new(JsonSerializerDefaults.Web) { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly Argument<string?> _view = new("VIEW") { Description = "Only this view", Arity = ArgumentArity.ZeroOrOne };
    private readonly Option<bool> _json = CommonOptions.Json();

    public SchemaCommand()
        : base("schema", "Print the reference of the database: views, columns, canned queries, entity diagram (Markdown); of one view its columns.")
    {
        Arguments.Add(_view);
        Options.Add(_json);
    }

    public override IReadOnlyList<Example> Examples { get; } =
    [
        new("replay schema | less", "what can be asked, and in which words"),
        new("replay schema table_write", "the columns of one view"),
    ];

    protected override Task<int> RunAsync(ParseResult arguments, CliConsole console, CancellationToken cancellation)
    {
        var name = arguments.GetValue(_view);
        var views = name is null ? ViewDefinition.All : [Find(name)];
        if (arguments.GetValue(_json))
            console.Out.WriteLine(JsonSerializer.Serialize(views, Format));
        else if (name is null)
            console.Out.Write(SchemaDocs.Markdown());
        else
            Write(views[0], console);
        return Task.FromResult(ExitCode.Done);
    }

    internal static ViewDefinition Find(string name) =>
        ViewDefinition.All.FirstOrDefault(view => view.Name == name)
        ?? throw new UsageException($"there is no view {name}.{NameHints.Ask(name, ViewDefinition.All.Select(view => view.Name), "'replay schema' lists them.")}");

    internal static void Write(ViewDefinition view, CliConsole console)
    {
        const int Narrowest = 24;
        var names = view.Columns.Max(column => column.Name.Length);
        var types = view.Columns.Max(column => column.Type.Length);
        var indent = names + types + 4;
        var room = console.Width is { } width && width > indent + Narrowest ? width - indent : int.MaxValue;
        console.Out.WriteLine($"{view.Name}: {string.Join(' ', view.Description)}");
        console.Out.WriteLine();
        foreach (var column in view.Columns)
        {
            var head = $"{column.Name.PadRight(names)}  {column.Type.PadRight(types)}  ";
            foreach (var line in Wrap(column.Description + (column.References is { } reference ? $" (joins {reference})" : ""), room))
            {
                console.Out.WriteLine(head + line);
                head = new string(' ', indent);
            }
        }
    }

    private static IEnumerable<string> Wrap(string text, int width)
    {
        while (text.Length > width)
        {
            var space = text.LastIndexOf(' ', width);
            if (space <= 0)
                break;
            yield return text[..space];
            text = text[(space + 1)..];
        }

        yield return text;
    }
}
