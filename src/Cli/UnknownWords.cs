using System.CommandLine;
using System.CommandLine.Parsing;
using System.Text.RegularExpressions;
using Replay.Trace;

namespace Replay.Cli;

/// <summary>Names close to a word that is none.</summary>
internal static partial class UnknownWords
{
    /// <summary>An option of more verbs than these tells nothing.</summary>
    private const int Most = 3;

    /// <summary>A verb was expected, and the word in its place is none.</summary>
    public static bool IsVerbMissing(ParseResult parsed) => parsed.CommandResult.Command.Subcommands.Count > 0 && parsed.UnmatchedTokens.Count > 0;

    /// <summary>Words that look like options, and that the parser took for the value of an argument: there is no such option.</summary>
    public static List<string> Options(ParseResult parsed, IReadOnlyList<string> words)
    {
        if (parsed.CommandResult.Command is VerbCommand { TakesOptionsOfOthers: true })
            return [];
        // Behind this mark, every word is what it is.
        var free = words.SkipWhile(word => word != "--").ToHashSet(StringComparer.Ordinal);
        return [.. parsed.CommandResult.Children.OfType<ArgumentResult>().SelectMany(argument => argument.Tokens).Select(token => token.Value)
            .Concat(parsed.UnmatchedTokens).Where(word => OptionShape().IsMatch(word) && !free.Contains(word)).Select(word => word.Split('=')[0]).Distinct()];
    }

    /// <summary>Verbs and options near the words the parser could not use.</summary>
    public static IEnumerable<string> For(ParseResult parsed, IReadOnlyList<string> options)
    {
        var command = parsed.CommandResult.Command;
        var names = command.Subcommands.Where(verb => !verb.Hidden).Select(verb => verb.Name)
            .Concat(command.Options.SelectMany(option => option.Aliases.Where(alias => alias.StartsWith("--", StringComparison.Ordinal)).Prepend(option.Name)));
        return (options.Count > 0 ? options : parsed.UnmatchedTokens.Take(IsVerbMissing(parsed) ? 1 : int.MaxValue)).SelectMany(word => DidYouMean.Near(word, names)).Distinct();
    }

    /// <summary>Of an option that this verb does not have, which verbs do.</summary>
    public static IEnumerable<string> Elsewhere(IReadOnlyList<string> options, RootCommand root)
    {
        var verbs = All(root).Where(verb => !verb.Hidden).ToList();
        foreach (var word in options)
        {
            var having = verbs.Where(verb => verb.Options.Any(option => option.Name == word || option.Aliases.Contains(word))).Select(verb => $"'{CommandLine.Path(verb, root)}'").ToList();
            if (having.Count is > 0 and <= Most)
                yield return $"{word} is an option of {string.Join(" and ", having)}.";
        }
    }

    [GeneratedRegex("^--?[A-Za-z][A-Za-z0-9-]*(=.*)?$")]
    private static partial Regex OptionShape();

    private static IEnumerable<Command> All(Command command) => command.Subcommands.SelectMany(child => All(child).Prepend(child));
}
