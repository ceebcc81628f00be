using System.CommandLine;
using Replay.Cli.Terminal;

namespace Replay.Cli;

/// <summary>One verb of the command line: its name, options, help with examples, and what it does.</summary>
internal abstract class VerbCommand : Command
{
    protected VerbCommand(string name, string description)
        : base(name, description)
    {
        SetAction((result, cancellation) => RunAsync(result, Context ?? throw new InvalidOperationException("no context"), cancellation));
    }

    /// <summary>Command lines with a word on each, shown at the end of <c>--help</c>.</summary>
    public abstract IReadOnlyList<Example> Examples { get; }

    /// <summary>Its arguments are the command line of another program, which has options of its own.</summary>
    public virtual bool TakesOptionsOfOthers => false;

    /// <summary>Where the verb prints. Set before it runs.</summary>
    internal CliConsole? Context { get; set; }

    /// <returns>One of <see cref="ExitCode"/>.</returns>
    protected abstract Task<int> RunAsync(ParseResult arguments, CliConsole console, CancellationToken cancellation);
}
