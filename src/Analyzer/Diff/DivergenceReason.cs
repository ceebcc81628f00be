namespace Replay.Analyzer.Diff;

/// <summary>Why two sides did not do alike at one trace event, as far as their records tell.</summary>
internal static class DivergenceReason
{
    public static string Of(EventRecords a, EventRecords b) =>
        OfIntercept(a, b) ?? OfExtraFault(a, b) ?? OfOutcome(a, b) ?? OfPageSize(a, b) ?? OfPrefetch(a, b) ?? OfWrites(a, b)
        ?? "Both did the same kinds of things; what they wrote is not alike.";

    private static string Name(EventRecords records) => records.Side.Run.Name;

    /// <summary>The guest's own instructions: MOV to a control register, INVLPG, INVPCID.</summary>
    private static string? OfIntercept(EventRecords a, EventRecords b)
    {
        foreach (var (side, other) in Both(a, b))
        {
            foreach (var exit in side.Exits)
            {
                if (exit.IsFault || other.Exits.Any(candidate => candidate.Reason == exit.Reason))
                    continue;
                return exit.Reason switch
                {
                    "INVLPG" or "INVPCID" => $"The guest drops translations. {Name(side)} must drop them from KVM's tables too, so the instruction exits; in {Name(other)} KVM's tables do not depend on the guest's, and the CPU does it alone.",
                    "CR3_WRITE" => $"The guest loads CR3. {Name(side)} keeps tables for each of the guest's address spaces and must switch root, so it exits; in {Name(other)} one set of tables serves all, and the CPU does it alone.",
                    "CR0_WRITE" or "CR4_WRITE" or "EFER_WRITE" => $"The guest writes a control register on which the format or the rights of {Name(side)}'s tables depend, so it exits; {Name(other)} lets the CPU do it.",
                    "PML_FULL" => $"The CPU's log of dirty pages is full in {Name(side)}; {Name(other)} keeps none, or has logged other pages.",
                    _ => null,
                };
            }
        }

        return null;
    }

    private static string? OfExtraFault(EventRecords a, EventRecords b)
    {
        foreach (var (side, other) in Both(a, b))
        {
            var (faults, others) = (side.Exits.Count(exit => exit.IsFault), other.Exits.Count(exit => exit.IsFault));
            if (faults <= others)
                continue;
            if (side.Faults.Count(fault => fault.IsGuestPage) is > 0 and var tables && !other.Side.IsTwoDimensional)
                return $"{Name(side)}'s CPU walks the guest's own tables, which are guest memory that must be mapped first ({tables} of its {faults} faults); {Name(other)}'s CPU walks KVM's tables alone.";
            if (others > 0)
                return $"The access takes {faults} exits in {Name(side)} and {others} in {Name(other)}: entries on the way to the page were there already, or are not needed.";
            if ((side.Gfn ?? other.Gfn) is { } gfn && other.LastMapping(gfn) is var (function, ordinal))
                return $"{Name(other)} needs no exit: {function} mapped gfn 0x{gfn:x} at event {ordinal:#,0}. {Name(side)} maps it only now, or had to take it away.";
            return side.Faults.Any(fault => fault.Outcome == "guest_fault")
                ? $"The guest's own page fault: {Name(side)} intercepts it and hands it on, in {Name(other)} it reaches the guest without an exit."
                : $"Only {Name(side)} has no usable translation here: its tables also hold what the guest's tables say (rights, accessed and dirty bits), and {Name(other)}'s do not.";
        }

        return null;
    }

    private static string? OfOutcome(EventRecords a, EventRecords b)
    {
        for (var i = 0; i < Math.Min(a.Faults.Count, b.Faults.Count); i++)
        {
            if (a.Faults[i].Outcome != b.Faults[i].Outcome)
                return $"The same fault ends as '{a.Faults[i].Outcome}' in {Name(a)} and as '{b.Faults[i].Outcome}' in {Name(b)}.";
        }

        return null;
    }

    private static string? OfPageSize(EventRecords a, EventRecords b)
    {
        for (var i = 0; i < Math.Min(a.Faults.Count, b.Faults.Count); i++)
        {
            var (left, right) = (a.Faults[i].MappedLevel, b.Faults[i].MappedLevel);
            if (left != right && left > 0 && right > 0)
            {
                return $"{Name(a)} maps the page at level {left}, {Name(b)} at level {right}: the host backs memory as {a.Side.Run.Backing} and {b.Side.Run.Backing}, "
                    + "and shadow tables take no larger page than the guest's own.";
            }
        }

        return null;
    }

    private static string? OfPrefetch(EventRecords a, EventRecords b)
    {
        foreach (var (side, other) in Both(a, b))
        {
            var (prefetched, others) = (Prefetched(side), Prefetched(other));
            if (prefetched > others)
                return $"{Name(side)} maps {prefetched - others} {(prefetched - others == 1 ? "neighbour" : "neighbours")} more with this fault ({PrefetchFunction(side)}); {Name(other)} maps only the page that faulted, and will fault for each of them.";
        }

        return null;
    }

    private static string? OfWrites(EventRecords a, EventRecords b)
    {
        foreach (var (side, other) in Both(a, b))
        {
            var (hardware, others) = (side.Writes.Count(write => write.Actor != "kvm"), other.Writes.Count(write => write.Actor != "kvm"));
            if (hardware > others && side.Writes.Count - hardware == other.Writes.Count - others)
                return $"The CPU sets accessed or dirty bits in {Name(side)}'s tables; in {Name(other)} they were set when the entry was made.";
            if (side.Writes.Count > other.Writes.Count)
                return $"{Name(side)} makes {side.Writes.Count} table writes for this, {Name(other)} {other.Writes.Count}. {WritesByLevel(side, other)}";
        }

        return a.Writes.Count > 0 ? $"Both write {Count(a.Writes.Count, "entry", "entries")}, not alike: {FirstUnlike(a, b)}" : null;
    }

    /// <summary>At which levels one side makes more of what kind, such as <c>Of them, shadow against ept: level 3 roots 4 to 0.</c></summary>
    private static string WritesByLevel(EventRecords side, EventRecords other)
    {
        var kinds = side.Writes.Concat(other.Writes).Select(Kind).Distinct().OrderByDescending(kind => kind.Level).ThenBy(kind => kind.What, StringComparer.Ordinal);
        var unlike = kinds.Select(kind => (Kind: kind, Mine: side.Writes.Count(write => Kind(write) == kind), Others: other.Writes.Count(write => Kind(write) == kind))).Where(pair => pair.Mine != pair.Others);
        return $"Of them, {Name(side)} against {Name(other)}: {string.Join(", ", unlike.Select(pair => $"level {pair.Kind.Level} {pair.Kind.What} {pair.Mine} to {pair.Others}"))}.";

        static (int Level, string What) Kind(WriteRecord write) => (write.Level, write.Actor != "kvm" ? "bits set by the CPU" : write.NewKind switch
        {
            "page" => "pages",
            "huge" => "huge pages",
            "table" => "tables",
            "root" => "roots",
            "none" => "emptied",
            var other => other,
        });
    }

    /// <summary>What sets the first pair of writes apart that is not alike.</summary>
    private static string FirstUnlike(EventRecords a, EventRecords b)
    {
        for (var i = 0; i < a.Writes.Count; i++)
        {
            var (left, right) = (a.Writes[i], b.Writes[i]);
            var what = left.Level != right.Level ? $"level {left.Level} and level {right.Level}"
                : left.Index != right.Index && a.Side.IsTwoDimensional == b.Side.IsTwoDimensional ? $"index {left.Index} and index {right.Index} of level {left.Level}"
                : left.Gfn != right.Gfn ? $"frames {left.Gfn} and {right.Gfn} in level {left.Level}"
                : left.NewKind != right.NewKind ? $"'{left.NewKind}' and '{right.NewKind}' in level {left.Level}"
                : left.NewRights != right.NewRights ? $"rights {left.NewRights ?? "none"} and {right.NewRights ?? "none"} in level {left.Level}{WhoseRights(a, b)}"
                : left.Actor != right.Actor ? $"{left.Actor} and {right.Actor} write the same entry"
                : null;
            if (what is not null)
                return $"{(i == 0 ? "first" : $"write {i + 1}:")} {what}.";
        }

        return "they differ in more than their place, frame, kind and rights.";
    }

    /// <summary>Why entries of the two sorts of tables can have the same rights only by chance.</summary>
    private static string WhoseRights(EventRecords a, EventRecords b) => a.Side.IsTwoDimensional == b.Side.IsTwoDimensional ? ""
        : a.Side.IsTwoDimensional ? $": {Name(b)}'s entries carry what the guest's own allow (user, execute), {Name(a)}'s need not, since the CPU reads the guest's as well"
        : WhoseRights(b, a);

    private static string Count(int count, string one, string many) => $"{count} {(count == 1 ? one : many)}";

    private static int Prefetched(EventRecords records) => records.Writes.Count(IsPrefetch);

    private static string PrefetchFunction(EventRecords records) =>
        records.Writes.First(IsPrefetch).Chain!.Split(" > ").First(function => function.Contains("prefetch", StringComparison.Ordinal));

    private static bool IsPrefetch(WriteRecord write) => write.Chain?.Contains("prefetch", StringComparison.Ordinal) == true;

    private static IEnumerable<(EventRecords Side, EventRecords Other)> Both(EventRecords a, EventRecords b) => [(a, b), (b, a)];
}
