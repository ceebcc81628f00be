namespace Replay.Analyzer.Store.Layouts;

internal readonly struct FaultLayout : IRowLayout<FaultRow>
{
    public static string Table => "_fault";

    public static string Columns =>
        "run, fault_id, ordinal, seq, end_seq, exit_id, address, gva, error_code, rip, writes, handler, outcome, mapped_level, access, vcpu";

    public static void Bind(in FaultRow record, ref RowValues row)
    {
        var fault = record.Fault;
        row.Add(row.Run);
        row.Add(fault.FaultId);
        row.Add(fault.Ordinal);
        row.Add(fault.Seq);
        row.Add(record.EndSeq);
        row.AddId(fault.ExitId);
        row.Add(fault.Address);
        row.AddSeen(fault.Gva);
        row.Add(fault.ErrorCode);
        row.AddSeen(fault.Rip);
        row.Add(fault.Writes);
        row.Add((long)fault.Handler);
        row.AddSeen((byte)fault.Outcome);
        row.AddSeen(fault.MappedLevel);
        row.Add((long)fault.Access);
        row.AddSeen(fault.Vcpu);
    }
}
