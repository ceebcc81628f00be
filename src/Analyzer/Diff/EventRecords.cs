using System.Globalization;
using Dapper;

namespace Replay.Analyzer.Diff;

/// <summary>All records of one run at one trace event.</summary>
internal sealed record EventRecords
{
    public required DiffSide Side { get; init; }

    public required long Ordinal { get; init; }

    /// <summary>The guest's access in words; null: the run has none here.</summary>
    public string? Access { get; init; }

    public ulong? Gfn { get; init; }

    public required IReadOnlyList<ExitRecord> Exits { get; init; }

    public required IReadOnlyList<FaultLine> Faults { get; init; }

    public required IReadOnlyList<WriteRecord> Writes { get; init; }

    public required IReadOnlyList<FlushRecord> Flushes { get; init; }

    public static EventRecords Read(DiffSide side, long ordinal) => Read(side, [ordinal])[0];

    /// <summary>The records of several events, in their order: a query for each kind of record, not for each event.</summary>
    public static IReadOnlyList<EventRecords> Read(DiffSide side, IReadOnlyList<long> ordinals)
    {
        var connection = side.Database.Connection;
        var at = string.Create(CultureInfo.InvariantCulture, $"WHERE run = {side.Run.Run} AND ordinal IN ({string.Join(", ", ordinals)}) ORDER BY ordinal");
        var accesses = connection.Query<(long Ordinal, string Text, long? Gfn)>(
            "SELECT ordinal, kind || ' of gva ' || gva_hex || coalesce(', gpa ' || gpa_hex, '') || CASE WHEN rip <> 0 THEN ', rip ' || rip_hex ELSE '' END, gpa >> 12 "
            + $"FROM access {at}").ToLookup(access => access.Ordinal);
        var exits = connection.Query<ExitRecord>($"SELECT ordinal AS Ordinal, reason AS Reason, info1_hex AS Info1, info2_hex AS Info2 FROM vm_exit {at}, seq").ToLookup(exit => exit.Ordinal);
        var faults = connection.Query<FaultLine>(
            "SELECT ordinal AS Ordinal, access AS Access, address_hex AS Address, error_code_hex AS ErrorCode, outcome AS Outcome, mapped_level AS MappedLevel, writes AS Writes, "
            + $"guest_page AS IsGuestPage FROM fault {at}, seq").ToLookup(fault => fault.Ordinal);
        var writes = connection.Query<WriteRecord>(
            "SELECT ordinal AS Ordinal, level AS Level, idx AS \"Index\", gfn_hex AS Gfn, old_hex AS Old, new_hex AS New, new_kind AS NewKind, new_rights AS NewRights, actor AS Actor, "
            + $"function AS Function, chain AS Chain FROM table_write {at}, seq").ToLookup(write => write.Ordinal);
        var flushes = connection.Query<FlushRecord>($"SELECT ordinal AS Ordinal, kind AS Kind, function AS Function, chain AS Chain FROM tlb_flush {at}, seq").ToLookup(flush => flush.Ordinal);
        return [.. ordinals.Select(ordinal => new EventRecords
        {
            Side = side,
            Ordinal = ordinal,
            Access = accesses[ordinal].Select(access => access.Text).FirstOrDefault(),
            Gfn = (ulong?)accesses[ordinal].Select(access => access.Gfn).FirstOrDefault(),
            Exits = [.. exits[ordinal]],
            Faults = [.. faults[ordinal]],
            Writes = [.. writes[ordinal]],
            Flushes = [.. flushes[ordinal]],
        })];
    }

    /// <summary>The vCPU that an event is of; 0 where no record tells.</summary>
    public static int VcpuOf(DiffSide side, long ordinal) => side.Database.Connection.QueryFirstOrDefault<int?>(
        "SELECT coalesce((SELECT vcpu FROM access WHERE run = @Run AND ordinal = @ordinal), (SELECT vcpu FROM vm_exit WHERE run = @Run AND ordinal = @ordinal LIMIT 1))",
        new { side.Run.Run, ordinal }) ?? 0;

    /// <summary>Who last made an entry that maps this guest frame out of one that did not, before this trace event, and when; null: nobody.</summary>
    public (string Function, long Ordinal)? LastMapping(ulong gfn)
    {
        var found = Side.Database.Connection.QueryFirstOrDefault<(string? Function, long Ordinal)>(
            "SELECT function, ordinal FROM table_write WHERE run = @Run AND ordinal < @Ordinal "
            + "AND ((gfn = @page AND new_kind = 'page') OR (gfn = @large AND new_kind = 'huge')) AND old_kind <> new_kind ORDER BY ordinal DESC, seq DESC LIMIT 1",
            new { Side.Run.Run, Ordinal, page = (long)gfn, large = (long)(gfn & ~511UL) });
        return found.Function is { } function ? (function, found.Ordinal) : null;
    }

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Side.Run.Name} at {Ordinal}");
}

/// <summary>An exit, as the view shows it.</summary>
internal sealed record ExitRecord
{
    public long Ordinal { get; init; }

    public string Reason { get; init; } = "";

    public string Info1 { get; init; } = "";

    public string Info2 { get; init; } = "";

    /// <summary>For a page that is not mapped, whatever the mode calls it.</summary>
    public bool IsFault => Reason is "EPT_VIOLATION" or "EPT_MISCONFIG" or "NPF" or "EXCEPTION_PF";
}

/// <summary>A TLB flush, as the view shows it.</summary>
internal sealed record FlushRecord
{
    public long Ordinal { get; init; }

    public string Kind { get; init; } = "";

    public string Function { get; init; } = "";

    public string? Chain { get; init; }
}

/// <summary>A table write, as the view shows it.</summary>
internal sealed record WriteRecord
{
    public long Ordinal { get; init; }

    public int Level { get; init; }

    public int Index { get; init; }

    public string Gfn { get; init; } = "";

    public string Old { get; init; } = "";

    public string New { get; init; } = "";

    public string NewKind { get; init; } = "";

    public string? NewRights { get; init; }

    public string Actor { get; init; } = "";

    public string Function { get; init; } = "";

    public string? Chain { get; init; }
}

/// <summary>A fault that KVM handled, as the view shows it.</summary>
internal sealed record FaultLine
{
    public long Ordinal { get; init; }

    public string Access { get; init; } = "";

    public string Address { get; init; } = "";

    public string ErrorCode { get; init; } = "";

    public string Outcome { get; init; } = "";

    public int MappedLevel { get; init; }

    public long Writes { get; init; }

    /// <summary>On the walk of the guest's page tables.</summary>
    public bool IsGuestPage { get; init; }
}
