using System.CommandLine;
using Replay.Trace;

namespace Replay.Cli;

/// <summary>Names close to a word that is none.</summary>
internal static class UnknownWords
{
    /// <summary>An option of more verbs than these tells nothing.</summary>
    private const int Most = 3;

    /// <summary>A verb was expected, and the word in its place is none.</summary>
    public static bool IsVerbMissing(ParseResult parsed) => parsed.CommandResult.Command.Subcommands.Count > 0 && parsed.UnmatchedTokens.Count > 0;

    /// <summary>Verbs and options near the words the parser could not use.</summary>
    public static IEnumerable<string> For(ParseResult parsed)
    {
        var command = parsed.CommandResult.Command;
        var names = command.Subcommands.Where(verb => !verb.Hidden).Select(verb => verb.Name)
            .Concat(command.Options.SelectMany(option => option.Aliases.Where(alias => alias.StartsWith("--", StringComparison.Ordinal)).Prepend(option.Name)));
        return parsed.UnmatchedTokens.Take(IsVerbMissing(parsed) ? 1 : int.MaxValue).SelectMany(word => DidYouMean.Near(word, names)).Distinct();
    }

    /// <summary>Of an option that this verb does not have, which verbs do.</summary>
    public static IEnumerable<string> Elsewhere(ParseResult parsed, RootCommand root)
    {
        var verbs = All(root).Where(verb => !verb.Hidden).ToList();
        foreach (var word in parsed.UnmatchedTokens.Where(word => word.StartsWith('-')))
        {
            var having = verbs.Where(verb => verb.Options.Any(option => option.Name == word || option.Aliases.Contains(word))).Select(verb => $"'{CommandLine.Path(verb, root)}'").ToList();
            if (having.Count is > 0 and <= Most)
                yield return $"{word} is an option of {string.Join(" and ", having)}.";
        }
    }

    private static IEnumerable<Command> All(Command command) => command.Subcommands.SelectMany(child => All(child).Prepend(child));
}
