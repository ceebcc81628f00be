using System.CommandLine;

namespace Replay.Cli;

/// <summary>Names close to a word that is none.</summary>
internal static class Suggestions
{
    private const int MaximumDistance = 2;

    /// <summary>Verbs and options near the words the parser could not use.</summary>
    public static IEnumerable<string> For(ParseResult parsed)
    {
        var command = parsed.CommandResult.Command;
        var names = command.Subcommands.Where(verb => !verb.Hidden).Select(verb => verb.Name)
            .Concat(command.Options.Select(option => option.Name));
        return parsed.UnmatchedTokens.SelectMany(word => Near(word, names)).Distinct();
    }

    /// <summary>The names at most two edits away from <paramref name="word"/>.</summary>
    public static IEnumerable<string> Near(string word, IEnumerable<string> names) =>
        names.Where(name => Distance(word, name) <= MaximumDistance);

    private static int Distance(string left, string right)
    {
        var previous = Enumerable.Range(0, right.Length + 1).ToArray();
        for (var i = 1; i <= left.Length; i++)
        {
            var current = new int[right.Length + 1];
            current[0] = i;
            for (var j = 1; j <= right.Length; j++)
            {
                var change = previous[j - 1] + (left[i - 1] == right[j - 1] ? 0 : 1);
                current[j] = Math.Min(change, Math.Min(previous[j], current[j - 1]) + 1);
            }

            previous = current;
        }

        return previous[right.Length];
    }
}
