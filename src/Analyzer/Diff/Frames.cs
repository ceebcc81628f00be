using Dapper;
using Replay.Analyzer.Diff.Rows;

namespace Replay.Analyzer.Diff;

/// <summary>Whether both sides give the guest the same memory.</summary>
public sealed record FrameCheck
{
    /// <summary>Accesses whose translation was held against the guest-physical address in the capture, while each run was made.</summary>
    public required DiffPair Checked { get; init; }

    /// <summary>Of these, those that ended elsewhere. 0 on both sides: every such access reached the same guest frame in both.</summary>
    public required DiffPair Differing { get; init; }

    /// <summary>The final leaf entries of both sides were compared, guest frame by guest frame.</summary>
    public required bool ComparedFinalMappings { get; init; }

    /// <summary>Guest frames that both sides map in the end to one host frame.</summary>
    public long MappedAlike { get; init; }

    /// <summary>Guest frames that they map to two host frames.</summary>
    public long MappedDifferently { get; init; }

    public long MappedInAOnly { get; init; }

    public long MappedInBOnly { get; init; }

    /// <summary>The first guest frame that is mapped to two host frames, as <c>0x...</c>; null: there is none.</summary>
    public string? FirstDifferentGfn { get; init; }

    /// <summary>One sentence.</summary>
    public required string Verdict { get; init; }

    /// <summary>Nothing contradicts that both sides map every access to the same guest frame.</summary>
    public required bool Holds { get; init; }
}

/// <summary>Whether both sides give the guest the same memory: from what each run checked as it was made, and from the final tables.</summary>
internal static class FrameComparison
{
    public static FrameCheck Of(DiffSide a, DiffSide b, FinalMappings? finalA, FinalMappings? finalB)
    {
        var (checkedA, differingA) = Verified(a);
        var (checkedB, differingB) = Verified(b);
        var compares = finalA is not null && finalB is not null && a.Run.Backing == b.Run.Backing;
        var final = compares ? Compare(finalA!.Stretches(), finalB!.Stretches()) : default;
        var holds = differingA == 0 && differingB == 0 && final.Different == 0;
        return new FrameCheck
        {
            Checked = new(checkedA, checkedB),
            Differing = new(differingA, differingB),
            ComparedFinalMappings = compares,
            MappedAlike = (long)final.Alike,
            MappedDifferently = (long)final.Different,
            MappedInAOnly = (long)final.OnlyA,
            MappedInBOnly = (long)final.OnlyB,
            FirstDifferentGfn = final.First is { } gfn ? $"0x{gfn:x}" : null,
            Holds = holds,
            Verdict = a.IsObserved || b.IsObserved ? "Not known: a trace shows no translations." : Verdict(holds, Math.Min(checkedA, checkedB), compares, final),
        };
    }

    private static string Verdict(bool holds, long compared, bool compares, in FinalFrames final)
    {
        if (!holds)
            return "No: the sides do not give the guest the same memory.";
        if (compared == 0)
            return "Not known: the capture has no guest-physical addresses, or a side did not check them.";
        return compares
            ? $"Yes: every access checked ended at the recorded guest frame on both sides, and the {final.Alike:#,0} frames that both map in the end have the same host frame."
            : "Yes: every access checked ended at the recorded guest frame on both sides.";
    }

    private static (long Checked, long Differing) Verified(DiffSide side)
    {
        // The latter two names are those of runs that version 0.2.0 stored as a library.
        var counters = side.Database.Connection.Query<(string Name, long Value)>(
            "SELECT name, value FROM counter WHERE run = @Run AND name IN ('verify_checked', 'verify_differing', 'translations_checked', 'translations_differing')",
            new { side.Run.Run }).ToList();
        return (Sum("checked"), Sum("differing"));

        long Sum(string ending) => counters.Where(counter => counter.Name.EndsWith(ending, StringComparison.Ordinal)).Select(counter => counter.Value).DefaultIfEmpty(0).Max();
    }

    private static FinalFrames Compare(List<MappedFrames> a, List<MappedFrames> b)
    {
        var result = default(FinalFrames);
        var (i, j) = (0, 0);
        while (i < a.Count || j < b.Count)
        {
            if (j == b.Count || (i < a.Count && a[i].End <= b[j].Gfn))
            {
                result.OnlyA += a[i++].Count;
            }
            else if (i == a.Count || b[j].End <= a[i].Gfn)
            {
                result.OnlyB += b[j++].Count;
            }
            else
            {
                Overlap(a, ref i, b, ref j, ref result);
            }
        }

        return result;
    }

    private static void Overlap(List<MappedFrames> a, ref int i, List<MappedFrames> b, ref int j, ref FinalFrames result)
    {
        var start = Math.Max(a[i].Gfn, b[j].Gfn);
        var end = Math.Min(a[i].End, b[j].End);
        result.OnlyA += start - a[i].Gfn;
        result.OnlyB += start - b[j].Gfn;
        if (a[i].From(start).Pfn == b[j].From(start).Pfn)
        {
            result.Alike += end - start;
        }
        else
        {
            result.Different += end - start;
            result.First ??= start;
        }

        var (endA, endB) = (a[i].End, b[j].End);
        if (endA == end)
            i++;
        else
            a[i] = a[i].From(end);
        if (endB == end)
            j++;
        else
            b[j] = b[j].From(end);
    }

    private struct FinalFrames
    {
        public ulong Alike;
        public ulong Different;
        public ulong OnlyA;
        public ulong OnlyB;
        public ulong? First;
    }
}
