using System.Text.Json;
using Replay.Cli.Terminal;
using Replay.Trace;
using Replay.Trace.Tracepoints;

namespace Replay.Cli.Commands;

/// <summary>What a guest's own guests did, for people and for scripts.</summary>
internal static class NestedReport
{
    public static string Line(NestedFigures figures) =>
        $"{(figures.IsVmx ? Units.Of(figures.Entries, "VM entry", "VM entries") : Units.Of(figures.Entries, "VMRUN"))}{Paging(figures)}, {Units.Of(figures.Accesses, "access", "accesses")} of L2; {ExitWord(figures)} {Codes(figures)}";

    /// <summary>What the guest's own manual calls an exit to it.</summary>
    public static string ExitWord(NestedFigures figures) => figures.IsVmx ? "VM exits" : "#VMEXIT";

    public static void WriteMembers(NestedFigures figures, Utf8JsonWriter json)
    {
        json.WriteNumber("vmruns", figures.Entries);
        json.WriteNumber("vmrunsWithNestedPaging", figures.WithNestedPaging);
        json.WriteNumber("accesses", figures.Accesses);
        json.WriteStartObject("vmexits");
        foreach (var (code, count) in figures.Exits)
            json.WriteNumber(ExitReasons.NestedName(code, figures.IsVmx), count);
        json.WriteEndObject();
    }

    private static string Paging(NestedFigures figures) =>
        figures.WithNestedPaging == figures.Entries ? " with nested page tables"
        : figures.WithNestedPaging == 0 ? " without nested page tables"
        : $" ({Units.Count(figures.WithNestedPaging)} with nested page tables)";

    private static string Codes(NestedFigures figures) => figures.Exits.Count == 0 ? "never"
        : string.Join(", ", figures.Exits.OrderByDescending(pair => pair.Value).Select(pair => $"{ExitReasons.NestedName(pair.Key, figures.IsVmx)} {Units.Count(pair.Value)}"));
}
