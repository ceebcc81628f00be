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
        : base("schema", "Print the reference of the database: views, columns, canned queries, entity diagram (Markdown; on a terminal the views alone); of one view its columns.")
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
        else if (name is null && console.OutIsTerminal)
            List(console);
        else if (name is null)
            console.Out.Write(SchemaDocs.Markdown());
        else
            Write(views[0], console);
        return Task.FromResult(ExitCode.Done);
    }

    internal static ViewDefinition Find(string name) =>
        ViewDefinition.All.FirstOrDefault(view => view.Name == name)
        ?? throw new UsageException($"there is no view {name}.{(File.Exists(name) ? " What views have is the same in every database: give a view's name alone." : "")}{DidYouMean.Ask(name, ViewDefinition.All.Select(view => view.Name), "'replay schema' lists them.")}");

    internal static void Write(ViewDefinition view, CliConsole console)
    {
        var names = view.Columns.Max(column => column.Name.Length);
        var types = view.Columns.Max(column => column.Type.Length);
        Prose.Write(console.Out, $"{view.Name}: {string.Join(' ', view.Description)}", console.Width);
        console.Out.WriteLine();
        foreach (var column in view.Columns)
        {
            var head = $"{column.Name.PadRight(names)}  {column.Type.PadRight(types)}  ";
            Prose.Write(console.Out, column.Description + (column.References is { } reference ? $" (joins {reference})" : ""), console.Width, head, head.Length);
        }
    }

    /// <summary>On a terminal nobody reads the whole page: what there is, a sentence each.</summary>
    private static void List(CliConsole console)
    {
        var names = ViewDefinition.All.Max(view => view.Name.Length) + 2;
        foreach (var view in ViewDefinition.All)
            Prose.Write(console.Out, view.Description[0], console.Width, view.Name.PadRight(names), names);
        console.Out.WriteLine();
        Prose.Write(console.Out, "'replay schema VIEW' has the columns of one, 'replay schema | less' the whole reference, 'replay query --list' the canned queries.", console.Width);
    }
}
