using Replay.Analyzer.Diff;
using Replay.Cli.Terminal;
using Spectre.Console;

namespace Replay.Cli.Commands;

/// <summary>A comparison on one screen.</summary>
internal static class DiffReport
{
    private const int SortsShown = 8;
    private const int WritesShown = 6;
    private const int StripWidth = 48;

    public static void Write(RunDiff diff, CliConsole console, bool isWide)
    {
        var lines = console.Lines(isWide);
        lines.WriteLine($"A {Describe(diff.A)}");
        lines.WriteLine($"B {Describe(diff.B)}");
        lines.WriteLine($"events {diff.FirstOrdinal:#,0} to {diff.LastOrdinal:#,0}, aligned by {(diff.AlignedBy == "ordinal" ? "the guest's own events" : "order alone")}");
        foreach (var remark in diff.Remarks)
            lines.WriteLine($"! {remark}");
        if (diff.IsSame)
        {
            lines.WriteLine();
            lines.WriteLine(diff.AlignedBy == "ordinal"
                ? "The same: every exit, fault, table write and flush, to the last bit."
                : "Alike, in order: every exit, fault, table write and flush that the trace shows.");
        }

        WriteTable(diff, console);
        if (diff.IsSame)
            return;
        lines.WriteLine($"Same memory?  {diff.Frames.Verdict}");
        lines.WriteLine($"Cheaper?      {diff.Cost.Verdict}");
        WriteWhere(diff, lines);
        WriteDivergence(diff, lines);
    }

    /// <summary>The table alone, and which side is cheaper: for the demo.</summary>
    public static void WriteSummary(RunDiff diff, CliConsole console)
    {
        var lines = console.Lines();
        WriteTable(diff, console);
        lines.WriteLine($"Same memory?  {diff.Frames.Verdict}");
        lines.WriteLine($"Cheaper?      {diff.Cost.Verdict}");
        WriteWhere(diff, lines);
    }

    private static string Describe(DiffSideInfo side) =>
        $"= {side.Name}: {(side.Mode == side.Name ? "" : side.Mode + ", ")}{side.Profile}, host pages {side.Backing}, run {side.Run} of {side.Database}, {side.Capture}";

    private static void WriteTable(RunDiff diff, CliConsole console)
    {
        var table = new Table().Border(console.OutIsTerminal ? TableBorder.Rounded : TableBorder.Ascii2).AddColumn("");
        foreach (var name in (string[])[$"A {diff.A.Name}", $"B {diff.B.Name}", "B/A", "alike"])
            table.AddColumn(new TableColumn(name).RightAligned());
        Add(table, "VM exits", diff.Exits.A, diff.Exits.B, diff.Exits.Alike);
        foreach (var reason in diff.Exits.Sorts.Take(SortsShown))
            Add(table, $"  {reason.Name}", reason.A, reason.B, null);
        Add(table, "faults handled", diff.Faults.A, diff.Faults.B, diff.Faults.Alike);
        Add(table, "table writes", diff.Writes.A, diff.Writes.B, diff.Writes.Alike);
        foreach (var sort in diff.Writes.Sorts.Take(WritesShown))
            Add(table, $"  {sort.Name}", sort.A, sort.B, sort.Alike);
        if (diff.Writes.Sorts.Count > WritesShown)
            Add(table, $"  {diff.Writes.Sorts.Count - WritesShown} more", diff.Writes.Sorts.Skip(WritesShown).Sum(sort => sort.A), diff.Writes.Sorts.Skip(WritesShown).Sum(sort => sort.B), null);
        Add(table, "tables made", diff.Tables.Created.A, diff.Tables.Created.B, null);
        Add(table, "  alive at the end", diff.Tables.Live.A, diff.Tables.Live.B, null);
        Add(table, "  at most at once", diff.Tables.Peak.A, diff.Tables.Peak.B, null);
        Add(table, "TLB flushes", diff.Flushes.A, diff.Flushes.B, diff.Flushes.Alike);
        foreach (var guest in diff.Guests)
            AddGuest(table, guest);
        if (diff.AlignedBy != "ordinal")
        {
            console.Ansi().Write(table);
            return;
        }

        Add(table, "faults of the guest", diff.GuestFaults.A, diff.GuestFaults.B, diff.GuestFaults.Alike);
        Add(table, "page walks (TLB misses)", diff.Walks.Walks.A, diff.Walks.Walks.B, null);
        table.AddRow("  entries read a walk", $"{diff.Walks.PerWalkA:0.00}", $"{diff.Walks.PerWalkB:0.00}", Ratio(diff.Walks.PerWalkA, diff.Walks.PerWalkB), "");
        Add(table, $"cost ({Markup.Escape(diff.Cost.Table)} table, {Markup.Escape(diff.Cost.Unit)})", diff.Cost.Total.A, diff.Cost.Total.B, null);
        console.Ansi().Write(table);
    }

    /// <summary>One guest's share of what stands above.</summary>
    private static void AddGuest(Table table, GuestTotals guest)
    {
        var of = guest.Guest switch
        {
            "L1" => "L1, the hypervisor",
            "L2" => "L2, its guest",
            _ => "the host",
        };
        if (guest.Guest != "host")
        {
            table.AddEmptyRow();
            Add(table, $"{of}: VM exits", guest.Exits.A, guest.Exits.B, null);
            if (guest.Guest == "L2")
                Add(table, "  handed to L1", guest.HandedOn.A, guest.HandedOn.B, null);
            Add(table, "  faults handled", guest.Faults.A, guest.Faults.B, null);
            Add(table, "  writes to its tables", guest.Writes.A, guest.Writes.B, null);
            Add(table, "  tables made", guest.Tables.A, guest.Tables.B, null);
        }

        Add(table, guest.Guest == "host" ? "the host: TLB flushes" : "  TLB flushes", guest.Flushes.A, guest.Flushes.B, null);
    }

    private static void Add(Table table, string name, long a, long b, long? alike) =>
        table.AddRow(Markup.Escape(name), Units.Count(a), Units.Count(b), Ratio(a, b), alike is { } count ? Units.Count(count) : "");

    private static string Ratio(double a, double b) => (a, b) switch
    {
        (0, 0) => "",
        (0, _) => "only B",
        (_, 0) => "only A",
        _ when b / a >= 10 => $"{b / a:0.0}",
        _ => $"{b / a:0.00}",
    };

    /// <summary>A letter a range: which side is cheaper there.</summary>
    private static void WriteWhere(RunDiff diff, TextWriter lines)
    {
        if (diff.Ranges.Count > StripWidth || diff.AlignedBy != "ordinal")
            return;
        var strip = string.Concat(diff.Ranges.Select(range => range.Cost.A < range.Cost.B ? 'A' : range.Cost.A > range.Cost.B ? 'B' : '.'));
        lines.WriteLine($"  where       {strip}  (from first event to last: A cheaper {diff.Cost.RangesCheaperInA}, B cheaper {diff.Cost.RangesCheaperInB})");
    }

    private static void WriteDivergence(RunDiff diff, TextWriter lines)
    {
        if (diff.FirstDivergence is not { } first)
            return;
        lines.WriteLine($"First unlike  {first.Place}: {first.Access}");
        lines.WriteLine($"              {first.Reason}");
        Write("A", first.A, lines);
        Write("B", first.B, lines);
    }

    private static void Write(string name, SideAction side, TextWriter output)
    {
        var lines = side.Exits.Concat(side.Faults).ToList();
        if (side.WriteCount > 0)
            lines.Add($"{side.WriteCount} writes, the first {side.Writes[0]}");
        lines.AddRange(side.Flushes.Take(2).Select(flush => $"flush {flush}"));
        if (lines.Count == 0)
            lines.Add("nothing");
        for (var i = 0; i < lines.Count; i++)
            output.WriteLine($"  {(i == 0 ? name : " ")} {lines[i]}");
    }
}
