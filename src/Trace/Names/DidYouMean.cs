namespace Replay.Trace;

/// <summary>Names close to one that is none: verbs, options, runs, columns, views, queries, knobs, workloads. The one "did you mean".</summary>
public static class DidYouMean
{
    private const int Most = 3;
    private const int ShortestWord = 3;
    private const int ShortestAbbreviation = 2;
    private const int LongestAbbreviation = 3;
    private const string Vowels = "AEIOU";
    private static readonly char[] Separators = ['-', '_', ' ', '.'];

    /// <summary>The known names nearest to <paramref name="wrong"/>, nearest first: a few letters changed, letters left out, or a whole word in common.</summary>
    public static IReadOnlyList<string> Near(string wrong, IEnumerable<string> known)
    {
        ArgumentNullException.ThrowIfNull(wrong);
        var names = known.Distinct().ToList();
        var allowed = wrong.Length <= 3 ? 1 : wrong.Length <= 7 ? 2 : 3;
        var mistyped = names.Select(name => (Name: name, Distance: Distance(wrong.ToUpperInvariant(), name.ToUpperInvariant())))
            .Where(pair => pair.Distance <= allowed).OrderBy(pair => pair.Distance).ThenBy(pair => pair.Name, StringComparer.Ordinal).ToList();
        // A short word may be a longer one of which letters were left out, whatever else is a letter away.
        var meant = names.Where(name => (wrong.Length <= LongestAbbreviation || mistyped.Count == 0) && IsShortFor(Parts(wrong), Parts(name)))
            .OrderBy(name => Parts(name).Length).ThenBy(name => name.Length).ThenBy(name => name, StringComparer.Ordinal);
        var near = mistyped.Where(pair => pair.Distance <= mistyped[0].Distance + 1).Select(pair => pair.Name).Take(Most - 1).Concat(meant).Concat(mistyped.Select(pair => pair.Name)).Distinct().Take(Most).ToList();
        if (near.Count > 0)
            return near;
        var words = Words(wrong);
        return [.. names.Select(name => (Name: name, Shared: Words(name).Count(word => words.Exists(other => Alike(other, word)))))
            .Where(pair => pair.Shared > 0).OrderByDescending(pair => pair.Shared).ThenBy(pair => pair.Name, StringComparer.Ordinal).Take(Most).Select(pair => pair.Name)];
    }

    /// <summary><c> Did you mean 'a' or 'b'?</c>, with a space in front, or what stands there instead.</summary>
    /// <param name="wrong">What was written.</param>
    /// <param name="known">What there is.</param>
    /// <param name="otherwise">Said where nothing is near, such as where to look.</param>
    /// <param name="prefix">Stands before each name, such as an @.</param>
    public static string Ask(string wrong, IEnumerable<string> known, string otherwise = "", string prefix = "")
    {
        var near = Near(wrong, known);
        return near.Count > 0 ? $" Did you mean {string.Join(" or ", near.Select(name => prefix.Length > 0 ? prefix + name : $"'{name}'"))}?"
            : otherwise.Length > 0 ? " " + otherwise : "";
    }

    /// <summary><c>choose from a, b, c. Did you mean 'a'?</c>: for what takes one of a few words.</summary>
    public static string Choose(string wrong, IEnumerable<string> known)
    {
        var names = known.ToList();
        return $"choose from {string.Join(", ", names)}.{Ask(wrong, names)}";
    }

    private static string[] Parts(string name) => name.ToUpperInvariant().Split(Separators, StringSplitOptions.RemoveEmptyEntries);

    /// <summary>Each word begins as the other's does and has its letters in their order, and of its consonants the first ones: <c>lvl</c>, <c>tbl_id</c>, <c>fn</c>.</summary>
    private static bool IsShortFor(string[] shorts, string[] words) =>
        shorts.Length > 0 && shorts.Length <= words.Length && shorts.Zip(words).All(pair => IsShortFor(pair.First, pair.Second));

    private static bool IsShortFor(string word, string name)
    {
        if (word.Length < ShortestAbbreviation || word[0] != name[0] || !Consonants(name).StartsWith(Consonants(word), StringComparison.Ordinal))
            return word == name;
        var at = 0;
        foreach (var letter in name)
            at += at < word.Length && word[at] == letter ? 1 : 0;
        return at == word.Length;
    }

    private static string Consonants(string word) => string.Concat(word.Where((letter, i) => i == 0 || !Vowels.Contains(letter, StringComparison.Ordinal)));

    private static List<string> Words(string name) => [.. name.ToUpperInvariant().Split(Separators, StringSplitOptions.RemoveEmptyEntries).Where(word => word.Length >= ShortestWord)];

    /// <summary>One begins with the other: singular and plural, a word cut short.</summary>
    private static bool Alike(string left, string right) => left.StartsWith(right, StringComparison.Ordinal) || right.StartsWith(left, StringComparison.Ordinal);

    /// <summary>Letters inserted, left out, changed, or two neighbours changed over.</summary>
    private static int Distance(string left, string right)
    {
        var rows = new int[left.Length + 1, right.Length + 1];
        for (var i = 0; i <= left.Length; i++)
            rows[i, 0] = i;
        for (var j = 0; j <= right.Length; j++)
            rows[0, j] = j;
        for (var i = 1; i <= left.Length; i++)
        {
            for (var j = 1; j <= right.Length; j++)
            {
                var change = rows[i - 1, j - 1] + (left[i - 1] == right[j - 1] ? 0 : 1);
                rows[i, j] = Math.Min(change, Math.Min(rows[i - 1, j], rows[i, j - 1]) + 1);
                if (i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1])
                    rows[i, j] = Math.Min(rows[i, j], rows[i - 2, j - 2] + 1);
            }
        }

        return rows[left.Length, right.Length];
    }
}
