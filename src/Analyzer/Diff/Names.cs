using Replay.Replayer.History;
using Replay.Trace;

namespace Replay.Analyzer.Diff;

/// <summary>Numbers of the database under the names that the views give them.</summary>
internal static class Names
{
    public static string Exit(int reason) => (ExitReason)reason switch
    {
        ExitReason.EptViolation => "EPT_VIOLATION",
        ExitReason.EptMisconfig => "EPT_MISCONFIG",
        ExitReason.Npf => "NPF",
        ExitReason.PageFault => "EXCEPTION_PF",
        ExitReason.Cr0Write => "CR0_WRITE",
        ExitReason.Cr3Write => "CR3_WRITE",
        ExitReason.Cr4Write => "CR4_WRITE",
        ExitReason.EferWrite => "EFER_WRITE",
        ExitReason.Invlpg => "INVLPG",
        ExitReason.Invpcid => "INVPCID",
        ExitReason.PmlFull => "PML_FULL",
        ExitReason.Vmrun => "VMRUN",
        ExitReason.Invlpga => "INVLPGA",
        ExitReason.Invept => "INVEPT",
        ExitReason.Invvpid => "INVVPID",
        ExitReason.NestedExit => "NESTED_EXIT",
        _ => $"reason {reason}",
    };

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
