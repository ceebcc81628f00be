using System.Text.Json;
using Replay.Cli.Terminal;
using Replay.Trace;
using Replay.Trace.Tracepoints;

namespace Replay.Cli.Commands;

/// <summary>What a guest's own guests did, for people and for scripts.</summary>
internal static class NestedReport
{
    public static string Line(NestedFigures figures) =>
        $"{Units.Of(figures.Entries, EntryName(figures), EntriesName(figures))}{Paging(figures)}, {Units.Of(figures.Accesses, "access", "accesses")} of L2; {ExitName(figures)} {Codes(figures)}";

    /// <summary>Ways into L2, in the words of its CPU: SVM's one instruction, VMX's two.</summary>
    public static string EntriesName(NestedFigures figures) => figures.IsVmx ? "VM entries" : "VMRUNs";

    public static string ExitName(NestedFigures figures) => figures.IsVmx ? "VM exit" : "#VMEXIT";

    public static void WriteMembers(NestedFigures figures, Utf8JsonWriter json)
    {
        json.WriteNumber(figures.IsVmx ? "vmentries" : "vmruns", figures.Entries);
        json.WriteNumber(figures.IsVmx ? "vmentriesWithNestedPaging" : "vmrunsWithNestedPaging", figures.WithNestedPaging);
        json.WriteNumber("accesses", figures.Accesses);
        json.WriteStartObject("vmexits");
        foreach (var (code, count) in figures.Exits)
            json.WriteNumber(ExitReasons.NestedName(code, figures.IsVmx), count);
        json.WriteEndObject();
    }

    private static string EntryName(NestedFigures figures) => figures.IsVmx ? "VM entry" : "VMRUN";

    private static string Paging(NestedFigures figures)
    {
        var tables = figures.IsVmx ? "extended page tables" : "nested page tables";
        return figures.WithNestedPaging == figures.Entries ? $" with {tables}"
            : figures.WithNestedPaging == 0 ? $" without {tables}"
            : $" ({Units.Count(figures.WithNestedPaging)} with {tables})";
    }

    private static string Codes(NestedFigures figures) => figures.Exits.Count == 0 ? "never"
        : string.Join(", ", figures.Exits.OrderByDescending(pair => pair.Value).Select(pair => $"{ExitReasons.NestedName(pair.Key, figures.IsVmx)} {Units.Count(pair.Value)}"));
}
