using System.CommandLine;
using Replay.Trace;

namespace Replay.Cli;

/// <summary>Names close to a word that is none.</summary>
internal static class Suggestions
{
    /// <summary>A verb was expected, and the word in its place is none.</summary>
    public static bool IsVerbMissing(ParseResult parsed) => parsed.CommandResult.Command.Subcommands.Count > 0 && parsed.UnmatchedTokens.Count > 0;

    /// <summary>Verbs and options near the words the parser could not use.</summary>
    public static IEnumerable<string> For(ParseResult parsed)
    {
        var command = parsed.CommandResult.Command;
        var names = command.Subcommands.Where(verb => !verb.Hidden).Select(verb => verb.Name)
            .Concat(command.Options.Select(option => option.Name));
        return parsed.UnmatchedTokens.Take(IsVerbMissing(parsed) ? 1 : int.MaxValue).SelectMany(word => NameHints.Near(word, names)).Distinct();
    }
}
