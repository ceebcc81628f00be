using System.Text;
using System.Text.Json;
using Replay.Analyzer.Query.Tree;
using Replay.Analyzer.Store;

namespace Replay.Cli.Trees;

/// <summary>A tree of tables as JSON; addresses, frames and entries are "0x..." strings.</summary>
internal static class TreeJson
{
    public static void Write(RunRow run, long? ordinal, int vcpu, TreeRoot? root, TreeTable? table, TreeGap? gap, TextWriter output)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream, new JsonWriterOptions { Indented = true }))
        {
            json.WriteStartObject();
            json.WriteNumber("run", run.Run);
            json.WriteString("name", run.Name);
            if (ordinal is { } at)
                json.WriteNumber("ordinal", at);
            json.WriteNumber("vcpu", vcpu);
            if (gap is not null)
                json.WriteString("notShown", gap.ToString());
            if (root is not null && table is not null)
            {
                json.WriteString("register", root.Register is { } register ? Hex(register) : null);
                json.WriteNumber("loadedAt", root.Ordinal);
                json.WritePropertyName("root");
                WriteTable(json, table);
            }
            else
            {
                json.WriteNull("root");
            }

            json.WriteEndObject();
        }

        output.WriteLine(Encoding.UTF8.GetString(stream.ToArray()));
    }

    private static void WriteTable(Utf8JsonWriter json, TreeTable table)
    {
        json.WriteStartObject();
        json.WriteNumber("table", table.TableId);
        json.WriteNumber("level", table.Level);
        json.WriteString("hpa", Hex(table.Hpa));
        json.WriteString("gfn", Hex(table.Gfn));
        json.WriteString("role", Hex(table.Role));
        json.WriteBoolean("direct", table.Direct);
        json.WriteString("guest", table.Guest);
        json.WriteString("mmu", table.Mmu);
        if (table.Shadowed is { } shadowed)
        {
            json.WriteStartObject("shadows");
            json.WriteString("name", shadowed.Name);
            json.WriteString("gfn", Hex(shadowed.Gfn));
            json.WriteBoolean("known", shadowed.IsKnown);
            json.WriteStartObject("entries");
            foreach (var (index, value) in shadowed.Entries.OrderBy(entry => entry.Key))
                json.WriteString(index.ToString(System.Globalization.CultureInfo.InvariantCulture), Hex(value));
            json.WriteEndObject();
            json.WriteEndObject();
        }

        if (table.Entries is { } entries)
        {
            json.WriteStartArray("entries");
            foreach (var entry in entries)
                WriteEntry(json, entry);
            json.WriteEndArray();
        }

        json.WriteEndObject();
    }

    private static void WriteEntry(Utf8JsonWriter json, TreeEntry entry)
    {
        json.WriteStartObject();
        json.WriteNumber("index", entry.Index);
        json.WriteString("gfn", Hex(entry.Gfn));
        json.WriteString("value", Hex(entry.Value));
        json.WriteString("kind", entry.Kind);
        json.WriteString("rights", entry.Rights);
        if (entry.IsLeaf)
            json.WriteString("pfn", Hex(entry.Frame));
        json.WriteString("function", entry.Function);
        if (entry is { SinceOrdinal: { } ordinal, SinceSeq: { } seq })
        {
            json.WriteNumber("sinceOrdinal", ordinal);
            json.WriteNumber("sinceSeq", seq);
        }

        if (entry.Table is { } table)
        {
            json.WritePropertyName("table");
            WriteTable(json, table);
        }

        json.WriteEndObject();
    }

    private static string Hex(ulong value) => $"0x{value:x}";
}
