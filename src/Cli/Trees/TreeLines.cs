using System.Globalization;
using Replay.Analyzer.Query.Tree;
using Replay.Analyzer.Store;
using Replay.Cli.Terminal;

namespace Replay.Cli.Trees;

/// <summary>Draws a tree of tables, a line an entry; neighbours that map neighbouring frames alike share a line.</summary>
/// <param name="run">The run it is of.</param>
/// <param name="entries">Lines shown of each table; 0: all.</param>
/// <param name="guestFunction">The guest's function behind an event; null: not asked for.</param>
internal sealed class TreeLines(RunRow run, int entries, Func<long, string?>? guestFunction = null)
{
    private readonly bool _isEpt = run.EntryFormat == "ept";

    public void Write(TreeRoot root, TreeTable table, string indent, TextWriter output)
    {
        output.WriteLine($"{indent}{(_isEpt ? "EPTP" : table.Direct ? "nCR3" : "CR3")} {(root.Register is { } register ? $"0x{register:x}" : "(not shown)")}: T{table.TableId}, {table.Name} at 0x{table.Hpa:x}{(_isEpt && root.Register is { } eptp ? Eptp(eptp) : "")}, loaded at {root.Ordinal}");
        WriteTable(table, indent, output);
    }

    /// <summary>What the low bits of an EPTP say.</summary>
    private static string Eptp(ulong register) =>
        $", memory type {register & 7}, {(register >> 3 & 7) + 1} levels, A/D bits {((register >> 6 & 1) != 0 ? "on" : "off")}";

    private void WriteTable(TreeTable table, string indent, TextWriter output)
    {
        var runs = Runs(table.Entries ?? []);
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

    private string Line(TreeTable table, TreeEntry first, TreeEntry last)
    {
        var isOne = first.Index == last.Index;
        var index = isOne ? $"{first.Index}" : $"{first.Index}..{last.Index}";
        var what = first.Kind switch
        {
            "table" or "root" => first.Table is { } child ? $"{child.Name} T{child.TableId}" : "table",
            "page" or "huge" => string.Create(CultureInfo.InvariantCulture, $"{first.Kind} pfn 0x{first.Frame:x}{(isOne ? "" : $"..0x{last.Frame:x}")} {EntryBits.Describe(first, _isEpt)}"),
            _ => first.Kind,
        };
        var rights = first.Rights is null ? "" : $" ({first.Rights})";
        var gfn = isOne ? $"0x{first.Gfn:x}" : $"0x{first.Gfn:x}..0x{last.Gfn:x}";
        var since = isOne || first.SinceOrdinal == last.SinceOrdinal ? $"{first.SinceOrdinal}" : $"{first.SinceOrdinal}..";
        if (first.Function is null)
            return $"{table.Name}[{index}] spte 0x0 {what}, never written";
        return $"{table.Name}[{index}] gfn {gfn} spte 0x{first.Value:x}{rights} {what}, by {first.Function} at {since}{(first.SinceOrdinal is { } ordinal && guestFunction?.Invoke(ordinal) is { } guest ? $" for {guest}" : "")}";
    }

    private static List<(TreeEntry First, TreeEntry Last)> Runs(IReadOnlyList<TreeEntry> entries)
    {
        var runs = new List<(TreeEntry First, TreeEntry Last)>();
        foreach (var entry in entries)
        {
            if (runs.Count > 0 && Continues(runs[^1].First, runs[^1].Last, entry))
                runs[^1] = (runs[^1].First, entry);
            else
                runs.Add((entry, entry));
        }

        return runs;
    }

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
