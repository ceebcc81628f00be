using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace Replay.Cli;

/// <summary>A command line that works as written, and what it does.</summary>
internal sealed record Example(string Command, string Purpose);

/// <summary>The usual help, then the verb's examples; of the program itself, exit codes and environment.</summary>
internal sealed class ExampleHelpAction(HelpAction help, RootCommand root) : SynchronousCommandLineAction
{
    /// <summary>Help is help even where a required option is missing.</summary>
    public override bool ClearsParseErrors => true;

    public override int Invoke(ParseResult parseResult)
    {
        var exit = help.Invoke(parseResult);
        var output = parseResult.InvocationConfiguration.Output;
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
            output.WriteLine($"  {example.Command}");
            output.WriteLine($"      {example.Purpose}");
        }

        output.WriteLine();
        output.WriteLine("Exit codes and environment: 'replay --help'.");
        output.WriteLine();
        return exit;
    }

    private static void Write(TextWriter output, string heading, IReadOnlyList<(string Name, string Meaning)> rows)
    {
        output.WriteLine(heading);
        var width = rows.Max(row => row.Name.Length);
        foreach (var (name, meaning) in rows)
            output.WriteLine($"  {name.PadRight(width)}  {meaning.Replace("`", "", StringComparison.Ordinal)}");
        output.WriteLine();
    }
}
