using System.Globalization;
using Replay.Analyzer.Query.Tree;
using Replay.Analyzer.Store;
using Replay.Cli.Terminal;

namespace Replay.Cli.Trees;

/// <summary>Draws a tree of tables, a line an entry; neighbours that map neighbouring frames alike share a line.</summary>
/// <param name="run">The run it is of.</param>
/// <param name="entries">Lines shown of each table; 0: all.</param>
/// <param name="guestFunction">The guest's function behind an event; null: not asked for.</param>
/// <param name="showsLinks">False: what the trace has of the run shows no entry that points at a table.</param>
internal sealed class TreeLines(RunRow run, int entries, Func<long, string?>? guestFunction = null, bool showsLinks = true)
{
    private const ulong AllButFrame = 0xfff0_0000_0000_0fff;

    private readonly bool _isEpt = run.EntryFormat == "ept";

    public void Write(TreeRoot root, TreeTable table, string indent, TextWriter output)
    {
        output.WriteLine($"{indent}{(_isEpt ? "EPTP" : table.Direct || table.Mmu == "guest_mmu" ? "nCR3" : "CR3")} {(root.Register is { } register ? $"0x{register:x}" : "(not shown)")}: T{table.TableId}, {table.Name} at 0x{table.Hpa:x}{(_isEpt && root.Register is { } eptp ? Eptp(eptp) : "")}, loaded at {root.Ordinal}{(table.Guest == "L2" ? $", for L2{(table.Mmu == "guest_mmu" ? " (NPT02)" : "")}" : "")}");
        WriteTable(table, indent, output);
    }

    /// <summary>What the low bits of an EPTP say.</summary>
    private static string Eptp(ulong register) =>
        $", memory type {register & 7}, {(register >> 3 & 7) + 1} levels, A/D bits {((register >> 6 & 1) != 0 ? "on" : "off")}";

    private void WriteTable(TreeTable table, string indent, TextWriter output)
    {
        WriteShadowed(table, indent, output);
        var runs = Runs(table);
        for (var i = 0; i < runs.Count; i++)
        {
            var (first, last) = runs[i];
            if (entries > 0 && i == entries && i < runs.Count - 1)
            {
                var hidden = runs.Skip(i).Sum(each => each.Last.Index - each.First.Index + 1);
                output.WriteLine($"{indent}└─ ... {Units.Count(hidden)} more entries");
                return;
            }

            var isLast = i == runs.Count - 1;
            output.WriteLine($"{indent}{(isLast ? "└─" : "├─")} {Line(table, first, last)}");
            if (first.Table is { } child)
                WriteTable(child, indent + (isLast ? "   " : "│  "), output);
        }
    }

    /// <summary>Which table of a guest's it shadows, and what of that it does not map (yet).</summary>
    private static void WriteShadowed(TreeTable table, string indent, TextWriter output)
    {
        if (table is not { Shadowed: { } guest, Entries: { } entries })
            return;
        var name = guest.Name == "NPT12" ? "NPT12" : $"{guest.Name} table";
        if (!guest.IsKnown)
        {
            output.WriteLine($"{indent}│ beside it {name} {table.Name} at gpa 0x{guest.Gfn << 12:x}: its content is not known");
            return;
        }

        var missing = guest.Entries.Where(entry => (entry.Value & 1) != 0).Count(entry => entries.All(other => other.Index != entry.Key));
        output.WriteLine($"{indent}│ beside it {name} {table.Name} at gpa 0x{guest.Gfn << 12:x}: {Units.Of(guest.Entries.Count, "entry", "entries")}{(missing > 0 && entries.Count != 1 ? $", {Units.Count(missing)} of them not mapped here" : "")}");
    }

    /// <summary>The guest's entry that an entry stands for.</summary>
    private static string Beside(TreeTable table, TreeEntry first, TreeEntry last)
    {
        if (table.Shadowed is not { IsKnown: true } guest)
            return "";
        if (!guest.Entries.TryGetValue(first.Index, out var value))
            return $" | {guest.Name} 0";
        var more = first.Index == last.Index || !guest.Entries.TryGetValue(last.Index, out var end) ? "" : $"..0x{end:x}";
        return $" | {guest.Name} 0x{value:x}{more}{(GuestTable.Rights(value) is { } rights ? $" ({rights})" : "")}";
    }

    private string Line(TreeTable table, TreeEntry first, TreeEntry last) => Own(table, first, last) + Beside(table, first, last);

    private string Own(TreeTable table, TreeEntry first, TreeEntry last)
    {
        var isOne = first.Index == last.Index;
        var index = isOne ? $"{first.Index}" : $"{first.Index}..{last.Index}";
        var what = first.Kind switch
        {
            "table" or "root" => first.Table is { } child ? $"{child.Name} T{child.TableId}" : "table",
            "page" or "huge" => string.Create(CultureInfo.InvariantCulture, $"{first.Kind} pfn 0x{first.Frame:x}{(isOne ? "" : $"..0x{last.Frame:x}")} {EntryWords.Describe(first, _isEpt, run.HasEarlySoftwareBits)}"),
            _ => first.Kind,
        };
        var rights = first.Rights is null ? "" : $" ({first.Rights})";
        var gfn = isOne ? $"0x{first.Gfn:x}" : $"0x{first.Gfn:x}..0x{last.Gfn:x}";
        var since = isOne || first.SinceOrdinal == last.SinceOrdinal ? $"{first.SinceOrdinal}" : $"{first.SinceOrdinal}..";
        if (first.Function is null)
            return showsLinks || table.Level == 1 ? $"{table.Name}[{index}] spte 0x0 {what}, never written" : $"{table.Name}[{index}] not shown";
        return $"{table.Name}[{index}] gfn {gfn} spte 0x{first.Value:x}{rights} {what}, by {first.Function} at {since}{(first.SinceOrdinal is { } ordinal && guestFunction?.Invoke(ordinal) is { } guest ? $" for {guest}" : "")}";
    }

    private static List<(TreeEntry First, TreeEntry Last)> Runs(TreeTable table)
    {
        var runs = new List<(TreeEntry First, TreeEntry Last)>();
        foreach (var entry in table.Entries ?? [])
        {
            if (runs.Count > 0 && Continues(runs[^1].First, runs[^1].Last, entry) && IsAlikeBeside(table, runs[^1].Last.Index, entry.Index))
                runs[^1] = (runs[^1].First, entry);
            else
                runs.Add((entry, entry));
        }

        return runs;
    }

    /// <summary>The guest's own entries go on alike, too.</summary>
    private static bool IsAlikeBeside(TreeTable table, int last, int next) => table.Shadowed is not { IsKnown: true } guest
        || (guest.Entries.GetValueOrDefault(last) & AllButFrame) == (guest.Entries.GetValueOrDefault(next) & AllButFrame);

    /// <summary>The next entry, of the next frames, with the same bits and from the same function.</summary>
    private static bool Continues(TreeEntry first, TreeEntry last, TreeEntry next)
    {
        var distance = (ulong)(next.Index - first.Index);
        return first.IsLeaf && next.Kind == first.Kind && next.Index == last.Index + 1 && next.Function == first.Function
            && next.Gfn - last.Gfn == next.Frame - last.Frame && next.Gfn > last.Gfn
            && next.Gfn == first.Gfn + (distance * (next.Gfn - last.Gfn))
            && (next.Value ^ next.Frame << 12) == (first.Value ^ first.Frame << 12);
    }
}
