namespace Replay.Trace;

/// <summary>Names close to one that is none: verbs, options, runs, columns, views, queries, knobs, workloads. The one "did you mean".</summary>
public static class DidYouMean
{
    private const int Most = 3;
    private const int ShortestWord = 3;
    private static readonly char[] Separators = ['-', '_', ' ', '.'];

    /// <summary>The known names nearest to <paramref name="wrong"/>, nearest first: a few letters changed, or a whole word in common.</summary>
    public static IReadOnlyList<string> Near(string wrong, IEnumerable<string> known)
    {
        ArgumentNullException.ThrowIfNull(wrong);
        var names = known.Distinct().ToList();
        var allowed = wrong.Length <= 3 ? 1 : wrong.Length <= 7 ? 2 : 3;
        var mistyped = names.Select(name => (Name: name, Distance: Distance(wrong.ToUpperInvariant(), name.ToUpperInvariant())))
            .Where(pair => pair.Distance <= allowed).OrderBy(pair => pair.Distance).ThenBy(pair => pair.Name, StringComparer.Ordinal).ToList();
        if (mistyped.Count > 0)
            return [.. mistyped.Where(pair => pair.Distance <= mistyped[0].Distance + 1).Take(Most).Select(pair => pair.Name)];
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
