namespace Replay.Analyzer.Diff;

/// <summary>Which runs can be compared, and what has to be told when they are.</summary>
internal static class Comparability
{
    /// <exception cref="DiffException">They cannot.</exception>
    public static void Check(DiffSide a, DiffSide b)
    {
        foreach (var side in (DiffSide[])[a, b])
        {
            if (!side.Run.Complete)
                throw new DiffException($"{side.Database.Path}: run {side.Run.Run} ({side.Run.Name}) is incomplete: it was interrupted or killed. Replay it again.");
            if (side.Run.Detail == "counters")
                throw new DiffException($"{side.Database.Path}: run {side.Run.Run} ({side.Run.Name}) stored counters only. Replay it with --detail all, or leaf.");
        }

        if (a.IsObserved || b.IsObserved || a.Run.CaptureHash == b.Run.CaptureHash)
            return;
        throw new DiffException(
            $"the runs replayed two captures: {Describe(a)} and {Describe(b)}. Events of two recordings do not line up; replay one capture in both modes.");
    }

    /// <summary>Rows that one side did not store are no difference: nothing behind its last one is compared.</summary>
    public static DiffOptions Limit(DiffSide a, DiffSide b, DiffOptions options)
    {
        var last = Math.Min(Math.Min(a.Run.RowsToOrdinal ?? long.MaxValue, b.Run.RowsToOrdinal ?? long.MaxValue), options.To ?? long.MaxValue);
        return last == long.MaxValue ? options : options with { To = last };
    }

    public static void Remark(DiffSide a, DiffSide b, List<string> remarks)
    {
        foreach (var kernel in ((DiffSide[])[a, b]).Where(side => side.Run.KernelCaveat is not null).GroupBy(side => (side.Run.Kernel, side.Run.KernelCaveat)))
            remarks.Add($"{string.Join(" and ", kernel.Select(side => side.Run.Mode).Distinct())} of Linux {kernel.Key.Kernel}: {kernel.Key.KernelCaveat}.");
        if (a.IsObserved || b.IsObserved)
        {
            remarks.Add(
                "An observed run shares no ordinals with a capture: records are aligned in order, not by trace event. What tracepoints do not show is absent "
                + "on that side, host frames and the CPU's own writes are left out, and ranges are of each side's own ordinals.");
            foreach (var side in (DiffSide[])[a, b])
                RemarkObserved(side, remarks);
        }

        if (a.Run.Detail == "leaf" || b.Run.Detail == "leaf")
            remarks.Add("One run stored leaf writes only: writes of links between tables are counted where they are, and not compared.");
        foreach (var side in (DiffSide[])[a, b])
        {
            if (side.Run.RowsToOrdinal is { } last)
                remarks.Add($"Run {side.Run.Name} stored rows up to event {last:#,0} only (--max-rows): nothing behind it is compared.");
        }

        if (!a.IsObserved && !b.IsObserved && a.Run.Model != b.Run.Model)
            remarks.Add($"The runs were made by two versions of the model ({a.Run.Model} and {b.Run.Model}): some differences may be its own.");
        if (!a.IsObserved && !b.IsObserved && a.Run.Backing != b.Run.Backing)
            remarks.Add($"The hosts back memory in two ways ({a.Run.Backing} and {b.Run.Backing}): host frames are not compared.");
        if (a.Run.Profile != b.Run.Profile)
            remarks.Add($"The hosts have two profiles: {a.Run.Profile} and {b.Run.Profile}.");
        foreach (var side in (DiffSide[])[a, b])
        {
            if (GuestComparison.Remark(side) is { } remark)
                remarks.Add(remark);
        }

        if (a.Run.CaptureFilter is not null)
            remarks.Add("The capture is filtered: the TLB misses counted are those of the accesses it holds.");
    }

    private static void RemarkObserved(DiffSide side, List<string> remarks)
    {
        if (ObservedSide.Hidden(side).Order(StringComparer.Ordinal).ToList() is { Count: > 0 } hidden)
            remarks.Add($"The trace of {side.Run.Name} does not show, and nothing is said of: {string.Join(", ", hidden)} (view capability).");
        if (ObservedSide.LastOfGuest(side) is { } last)
            remarks.Add($"{side.Run.Name}'s records behind its guest's last exit, event {last:#,0}, are the end of the VM, which no capture holds: left out.");
    }

    private static string Describe(DiffSide side)
    {
        var hash = side.Run.CaptureHash;
        return $"{side.Run.Name} {side.Run.Capture} ({hash[..Math.Min(12, hash.Length)]})";
    }
}
