namespace Replay.Analyzer.Conformance;

/// <summary>
/// The longest common subsequence of two item sequences: an inserted or missing item costs itself, not everything after it.
/// </summary>
/// <remarks>E. W. Myers, "An O(ND) Difference Algorithm and Its Variations" (1986), linear-space variant not needed: D is bounded.</remarks>
public sealed record Alignment
{
    /// <summary>Differences beyond which the search goes on window by window.</summary>
    private const int MaximumDifferences = 4000;

    /// <summary>Items of the first sequence.</summary>
    public required int Seen { get; init; }

    /// <summary>Items found in both, in order.</summary>
    public required int Matched { get; init; }

    /// <summary>Items of the second sequence that the first does not have in order.</summary>
    public required int Extra { get; init; }

    /// <summary>Index in the first sequence and in the second where they first part, or null.</summary>
    public (int Observed, int Model)? FirstDivergence { get; init; }

    public bool IsComplete => Matched == Seen && Extra == 0;

    public static Alignment Of(IReadOnlyList<ConformanceItem> observed, IReadOnlyList<ConformanceItem> model)
    {
        var numbers = new Dictionary<string, int>(StringComparer.Ordinal);
        var left = Number(observed, numbers);
        var right = Number(model, numbers);
        var common = left.AsSpan().CommonPrefixLength(right);
        var matched = Match(left, right);
        return new Alignment
        {
            Seen = left.Length,
            Matched = matched,
            Extra = right.Length - matched,
            FirstDivergence = common == left.Length && common == right.Length ? null : (common, common),
        };
    }

    private static int[] Number(IReadOnlyList<ConformanceItem> items, Dictionary<string, int> numbers)
    {
        var result = new int[items.Count];
        for (var i = 0; i < result.Length; i++)
        {
            if (!numbers.TryGetValue(items[i].Text, out result[i]))
                numbers.Add(items[i].Text, result[i] = numbers.Count);
        }

        return result;
    }

    /// <summary>How many numbers two sequences have in common, in order.</summary>
    internal static int Match(ReadOnlySpan<int> left, ReadOnlySpan<int> right)
    {
        var matched = 0;
        while (true)
        {
            var prefix = left.CommonPrefixLength(right);
            matched += prefix;
            left = left[prefix..];
            right = right[prefix..];
            if (left.IsEmpty || right.IsEmpty)
                return matched;
            var (usedLeft, usedRight, found) = Search(left, right);
            matched += found;
            left = left[usedLeft..];
            right = right[usedRight..];
        }
    }

    /// <summary>Myers' greedy search from the start; gives up at the bound with the furthest point reached.</summary>
    private static (int UsedLeft, int UsedRight, int Matched) Search(ReadOnlySpan<int> left, ReadOnlySpan<int> right)
    {
        var size = (2 * MaximumDifferences) + 3;
        var furthest = new int[size];
        var offset = MaximumDifferences + 1;
        var best = (Left: 0, Right: 0, Differences: 0);
        for (var d = 0; d <= MaximumDifferences; d++)
        {
            for (var k = -d; k <= d; k += 2)
            {
                var x = k == -d || (k != d && furthest[offset + k - 1] < furthest[offset + k + 1])
                    ? furthest[offset + k + 1]
                    : furthest[offset + k - 1] + 1;
                var y = x - k;
                while (x < left.Length && y < right.Length && y >= 0 && left[x] == right[y])
                {
                    x++;
                    y++;
                }

                furthest[offset + k] = x;
                if (x > left.Length || y > right.Length || y < 0)
                    continue;
                if (x + y > best.Left + best.Right)
                    best = (x, y, d);
                if (x == left.Length && y == right.Length)
                    return (x, y, (x + y - d) / 2);
            }
        }

        return (best.Left, best.Right, (best.Left + best.Right - best.Differences) / 2);
    }
}
