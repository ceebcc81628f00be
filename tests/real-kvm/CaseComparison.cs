using System.IO.Compression;
using System.Text.RegularExpressions;

namespace Replay.RealKvm;

/// <summary>
/// Compares two recordings of the same guest on the same kernel. A recording that was made with fewer probes, or told less with one, is held against what both told.
/// </summary>
internal static partial class CaseComparison
{
    /// <summary>Compares two cases.</summary>
    /// <returns>What differs; empty when they are alike.</returns>
    public static List<string> Compare(string left, string right)
    {
        var differences = new List<string>();
        var (a, b) = (Lines(left, "trace.norm.txt"), Lines(right, "trace.norm.txt"));
        var common = a.Select(Name).Intersect(b.Select(Name), StringComparer.Ordinal).ToHashSet(StringComparer.Ordinal);
        // An event that one of the two has and the other has not counts only where it is none of those that were added later.
        AddDifference(differences, "trace", Comparable(a, common), Comparable(b, common));
        AddDifference(differences, "tables", Lines(left, "tables.norm.txt"), Lines(right, "tables.norm.txt"));
        AddDifference(differences, "console", Lines(left, "console.txt"), Lines(right, "console.txt"));
        return differences;
    }

    private static void AddDifference(List<string> differences, string what, List<string> a, List<string> b)
    {
        var first = a.Zip(b).TakeWhile(pair => pair.First == pair.Second).Count();
        if (first < a.Count || first < b.Count)
        {
            differences.Add($"{what}: {a.Count} and {b.Count} lines, first difference in line {first + 1}:");
            differences.Add($"  < {a.ElementAtOrDefault(first) ?? "(end)"}");
            differences.Add($"  > {b.ElementAtOrDefault(first) ?? "(end)"}");
        }
    }

    private static List<string> Comparable(IEnumerable<string> lines, HashSet<string> common) =>
        [.. lines.Where(line => common.Contains(Name(line)) || !AddedProbe().IsMatch(line)).Where(line => !line.Contains("[reinjected]", StringComparison.Ordinal)).Select(line => AddedArgument().Replace(line, "").TrimEnd())];

    private static string Name(string line) => line.Split(' ', 2)[0];

    private static List<string> Lines(string folder, string name)
    {
        var path = Path.Combine(folder, name);
        if (File.Exists(path))
            return [.. File.ReadLines(path)];
        using var reader = new StreamReader(new GZipStream(File.OpenRead(path + ".gz"), CompressionMode.Decompress));
        return [.. reader.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries)];
    }

    [GeneratedRegex(@"^k:(kvm_mmu_free_obsolete_roots|kvm_make_all_cpus_request|make_nonleaf_spte|tdp_put_root|tdp_zap_root|tdp_invalidate_roots) ")]
    private static partial Regex AddedProbe();

    [GeneratedRegex(@" mmu=\w+| at S\d+\[\d+\](?= as=)|(?<=^k:tdp_map .*) (?:root|err)=\S+|(?<=^kvm_mmu_split_huge_page .*) spte[ =]\w+( fl=\w+)?")]
    private static partial Regex AddedArgument();
}
