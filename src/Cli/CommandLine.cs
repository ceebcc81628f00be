using System.CommandLine;
using System.CommandLine.Help;
using Replay.Cli.Commands;
using Replay.Cli.Terminal;

namespace Replay.Cli;

/// <summary>The tree of verbs, and how one command line is run.</summary>
internal static class CommandLine
{
    private static readonly Option<bool> NoColor = new("--no-color") { Description = "Plain text, as with NO_COLOR set", Recursive = true };

    private const string NoCommand = "Required command was not provided.";

    public static RootCommand Build(CliConsole console)
    {
        var root = new RootCommand("Record a guest's memory accesses, replay them through KVM's MMU, query every table write.");
        foreach (var verb in Verbs())
            root.Subcommands.Add(verb);
        foreach (var option in root.Options)
        {
            if (option is not HelpOption { Action: HelpAction help })
                continue;
            option.Action = new ExampleHelpAction(help, root, console);
            // Where a slash begins a path, completion must not take it for help.
            foreach (var alias in OperatingSystem.IsWindows() ? [] : option.Aliases.Where(name => name[0] == '/').ToArray())
                option.Aliases.Remove(alias);
        }

        root.Options.Add(NoColor);
        SetContext(root, console);
        return root;
    }

    public static async Task<int> RunAsync(string[] args, CliConsole console)
    {
        var root = Build(console);
        var parsed = Parse(root, args);
        var verb = Path(parsed.CommandResult.Command, root);
        var options = UnknownWords.IsVerbMissing(parsed) ? [] : UnknownWords.Options(parsed, args);
        if (parsed.Errors.Count > 0 || options.Count > 0)
        {
            // What else is wrong may be wrong because of a word that is none.
            List<string> messages = options.Count > 0 ? options.ConvertAll(option => $"there is no option {option}.") : [.. parsed.Errors.Select(error => error.Message).Except([NoCommand])];
            if (messages.Count == 0)
            {
                // Who types half a command line wants to know how it goes on.
                await Parse(root, [.. args, "--help"]).InvokeAsync(new InvocationConfiguration { Output = console.Error, Error = console.Error }).ConfigureAwait(false);
                return ExitCode.Usage;
            }

            // Behind a verb that is none, no word can be judged.
            foreach (var message in UnknownWords.IsVerbMissing(parsed) ? messages.Take(1) : messages)
                console.Error.WriteLine($"{verb}: {message}");
            foreach (var suggestion in UnknownWords.For(parsed, options))
                console.Error.WriteLine($"Did you mean '{suggestion}'?");
            foreach (var elsewhere in UnknownWords.Elsewhere(options, root))
                console.Error.WriteLine(elsewhere);
            // What names all that could stand there needs no help.
            if (!messages.TrueForAll(message => message.Contains(": choose from ", StringComparison.Ordinal)))
                console.Error.WriteLine($"See '{verb} --help'.");
            return ExitCode.Usage;
        }

        if (parsed.GetValue(NoColor))
            Environment.SetEnvironmentVariable("NO_COLOR", "1");
        using var interrupt = new Interrupt(console);
        var configuration = new InvocationConfiguration
        {
            EnableDefaultExceptionHandler = false,
            ProcessTerminationTimeout = null,
            Output = console.Out,
            Error = console.Error,
        };
        try
        {
            return await parsed.InvokeAsync(configuration, interrupt.Token).ConfigureAwait(false);
        }
        catch (Exception exception)
        {
            return Failure.Report(exception, verb, console.Error);
        }
    }

    /// <summary>Parses without response files: a word with @ in front is a canned query.</summary>
    public static ParseResult Parse(RootCommand root, string[] args) =>
        root.Parse(args, new ParserConfiguration { ResponseFileTokenReplacer = null });

    /// <summary>The command as a user types it, such as <c>replay record qemu</c>.</summary>
    public static string Path(Command command, RootCommand root)
    {
        if (command == root)
            return "replay";
        var parent = command.Parents.OfType<Command>().First();
        return $"{Path(parent, root)} {command.Name}";
    }

    private static IEnumerable<Command> Verbs()
    {
        yield return new DemoCommand();
        yield return new GroupCommand("record", "Record a guest's memory accesses into a capture.", new RecordQemuCommand(), new RecordBochsCommand(), new RecordSyntheticCommand(), new RecordHostCommand());
        yield return new GroupCommand("import", "Import what other tools recorded.", new ImportFtraceCommand());
        yield return new InfoCommand();
        yield return new RunCommand();
        yield return new SweepCommand();
        yield return new QueryCommand();
        yield return new ShellCommand();
        yield return new DiffCommand();
        yield return new VerifyCommand();
        yield return new IndexCommand();
        yield return new CompactCommand();
        yield return new ConformCommand();
        yield return new EventsCommand();
        yield return new TreeCommand();
        yield return new ServeCommand();
        yield return new ExportCommand();
        yield return new SchemaCommand();
        yield return new CompletionCommand();
        yield return new DocsCommand();
    }

    private static void SetContext(Command command, CliConsole console)
    {
        if (command is VerbCommand verb)
            verb.Context = console;
        foreach (var child in command.Subcommands)
            SetContext(child, console);
    }
}
