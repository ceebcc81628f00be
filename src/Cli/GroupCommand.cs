using System.CommandLine;

namespace Replay.Cli;

/// <summary>A verb that only holds others, such as <c>record</c>.</summary>
internal sealed class GroupCommand : Command
{
    public GroupCommand(string name, string description, params ReadOnlySpan<Command> verbs)
        : base(name, description)
    {
        foreach (var verb in verbs)
            Subcommands.Add(verb);
    }
}
