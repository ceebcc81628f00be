using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using System.Text.RegularExpressions;
using Replay.Cli.Terminal;

namespace Replay.Cli;

/// <summary>A command line that works as written, and what it does.</summary>
internal sealed record Example(string Command, string Purpose);

/// <summary>The usual help, then the verb's examples; of the program itself, exit codes and environment.</summary>
internal sealed partial class ExampleHelpAction(HelpAction help, RootCommand root, CliConsole console) : SynchronousCommandLineAction
{
    private const int Narrowest = 40;
    private const int Usual = 80;
    private const string Indent = "  ";
    private const string PurposeIndent = "      ";

    /// <summary>A pager, a file and a person's eye have no width of their own: help is as wide as a terminal usually is.</summary>
    private int Width => console.Width ?? Usual;

    /// <summary>Help is help even where a required option is missing.</summary>
    public override bool ClearsParseErrors => true;

    public override int Invoke(ParseResult parseResult)
    {
        help.MaxWidth = Width;
        var output = parseResult.InvocationConfiguration.Output;
        var usual = new StringWriter { NewLine = output.NewLine };
        parseResult.InvocationConfiguration.Output = usual;
        var exit = help.Invoke(parseResult);
        parseResult.InvocationConfiguration.Output = output;
        // Each description says the default already, in words.
        output.Write(Default().Replace(usual.ToString(), ""));
        var command = parseResult.CommandResult.Command;
        if (command == root)
        {
            Write(output, "Exit codes:", [.. HelpFacts.ExitCodes.Select(code => ($"{code.Code}", code.Meaning))]);
            Write(output, "Environment:", HelpFacts.Environment);
        }

        if (command is not VerbCommand { Examples.Count: > 0 } verb)
            return exit;
        output.WriteLine("Examples:");
        foreach (var example in verb.Examples)
        {
            // A command that is broken goes on behind a backslash, so that it can be pasted.
            var lines = Width >= Narrowest ? Prose.Wrap(example.Command, Width - PurposeIndent.Length - 2) : [example.Command];
            output.WriteLine(Indent + string.Join($" \\\n{PurposeIndent}", lines));
            Prose.Write(output, example.Purpose, Width, PurposeIndent, PurposeIndent.Length);
        }

        output.WriteLine();
        output.WriteLine("Exit codes and environment: 'replay --help'.");
        output.WriteLine();
        return exit;
    }

    [GeneratedRegex(@"\s+\[default:\s[^\]]*\]")]
    private static partial Regex Default();

    private void Write(TextWriter output, string heading, IReadOnlyList<(string Name, string Meaning)> rows)
    {
        output.WriteLine(heading);
        var width = rows.Max(row => row.Name.Length);
        foreach (var (name, meaning) in rows)
            Prose.Write(output, meaning.Replace("`", "", StringComparison.Ordinal), Width, $"{Indent}{name.PadRight(width)}  ", width + 4);
        output.WriteLine();
    }
}
