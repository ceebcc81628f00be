using Replay.Replayer.History;
using Replay.Trace;

namespace Replay.Analyzer.Diff;

/// <summary>Numbers of the database under the names that the views give them.</summary>
internal static class Names
{
    public static string Exit(int reason) => ExitReasonName.Of((ExitReason)reason);

    public static string Outcome(int outcome) => SnakeCase.Of((RetPf)outcome);

    public static string Flush(int kind) => SnakeCase.Of((FlushKind)kind);

    public static string Operation(int operation) => SnakeCase.Of((PageOperation)operation);

    public static string Level(int level) => level switch
    {
        1 => "PT",
        2 => "PD",
        3 => "PDPT",
        4 => "PML4",
        5 => "PML5",
        _ => $"level {level}",
    };
}
