using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace Replay.Cli;

/// <summary>A command line that works as written, and what it does.</summary>
internal sealed record Example(string Command, string Purpose);

/// <summary>The usual help, then the verb's examples.</summary>
internal sealed class ExampleHelpAction(HelpAction help) : SynchronousCommandLineAction
{
    /// <summary>Help is help even where a required option is missing.</summary>
    public override bool ClearsParseErrors => true;

    public override int Invoke(ParseResult parseResult)
    {
        var exit = help.Invoke(parseResult);
        if (parseResult.CommandResult.Command is not VerbCommand verb || verb.Examples.Count == 0)
            return exit;
        var output = parseResult.InvocationConfiguration.Output;
        output.WriteLine("Examples:");
        foreach (var example in verb.Examples)
        {
            output.WriteLine($"  {example.Command}");
            output.WriteLine($"      {example.Purpose}");
        }

        output.WriteLine();
        return exit;
    }
}
