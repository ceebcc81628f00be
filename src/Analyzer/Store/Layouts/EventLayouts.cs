using Replay.Replayer.History;

namespace Replay.Analyzer.Store.Layouts;

internal readonly struct VmExitLayout : IRowLayout<VmExitRecord>
{
    public static string Table => "_vm_exit";

    public static string Columns => "run, exit_id, ordinal, seq, reason, vcpu, info1, info2, rip, context";

    public static void Bind(in VmExitRecord record, ref RowValues row)
    {
        row.Add(row.Run);
        row.Add(record.ExitId);
        row.Add(record.Ordinal);
        row.Add(record.Seq);
        row.Add((long)record.Reason);
        row.AddSeen(record.Vcpu);
        row.AddSeen(record.Info1);
        row.AddSeen(record.Info2);
        row.AddSeen(record.Rip);
        row.AddContext(record.Context);
    }
}

internal readonly struct FaultLayout : IRowLayout<FaultRow>
{
    public static string Table => "_fault";

    public static string Columns =>
        "run, fault_id, ordinal, seq, end_seq, exit_id, address, gva, error_code, rip, writes, handler, outcome, mapped_level, access, vcpu, context";

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
        row.AddContext(fault.Context);
    }
}

internal readonly struct GuestFaultLayout : IRowLayout<GuestFaultRecord>
{
    public static string Table => "_guest_fault";

    public static string Columns => "run, ordinal, seq, gva, error_code, rip, exit_id, vcpu, recorded, context";

    public static void Bind(in GuestFaultRecord record, ref RowValues row)
    {
        row.Add(row.Run);
        row.Add(record.Ordinal);
        row.Add(record.Seq);
        row.AddSeen(record.Gva);
        row.Add(record.ErrorCode);
        row.AddSeen(record.Rip);
        row.AddId(record.ExitId);
        row.AddSeen(record.Vcpu);
        row.Add(record.Recorded);
        row.AddContext(record.Context);
    }
}

internal readonly struct AccessLayout : IRowLayout<AccessRecord>
{
    public static string Table => "_access";

    public static string Columns => "run, ordinal, gva, gpa, rip, value, size, kind, flags, vcpu, context";

    public static void Bind(in AccessRecord record, ref RowValues row)
    {
        row.Add(row.Run);
        row.Add(record.Ordinal);
        row.Add(record.Gva);
        if (record.HasGpa != 0)
            row.Add(record.Gpa);
        else
            row.AddNull();
        row.Add(record.Rip);
        if (record.HasValue != 0)
            row.Add(record.Value);
        else
            row.AddNull();
        row.Add(record.Size);
        row.Add((long)record.Kind);
        row.Add((long)record.Flags);
        row.Add(record.Vcpu);
        row.AddContext(record.Context);
    }
}

internal readonly struct FlushLayout : IRowLayout<TlbFlushRecord>
{
    public static string Table => "_tlb_flush";

    public static string Columns => "run, ordinal, seq, kind, start, pages, fault_id, exit_id, chain_id, vcpu, requester, targets, context";

    public static void Bind(in TlbFlushRecord record, ref RowValues row)
    {
        row.Add(row.Run);
        row.Add(record.Ordinal);
        row.Add(record.Seq);
        row.Add((long)record.Kind);
        row.Add(record.Start);
        row.Add(record.Pages);
        row.AddId(record.FaultId);
        row.AddId(record.ExitId);
        row.Add(record.ChainId);
        row.AddSeen(record.Vcpu);
        row.AddId(record.Targets == 0 ? -1 : record.Requester);
        row.AddId(record.Targets == 0 ? -1 : record.Targets);
        row.AddContext(record.Context);
    }
}

internal readonly struct NoteLayout : IRowLayout<ModelNoteRecord>
{
    public static string Table => "_model_note";

    public static string Columns => "run, ordinal, seq, kind, gva, recorded, modelled, vcpu, context";

    public static void Bind(in ModelNoteRecord record, ref RowValues row)
    {
        row.Add(row.Run);
        row.Add(record.Ordinal);
        row.Add(record.Seq);
        row.Add((long)record.Kind);
        row.AddSeen(record.Gva);
        row.AddSeen(record.Recorded);
        row.AddSeen(record.Modelled);
        row.AddSeen(record.Vcpu);
        row.AddContext(record.Context);
    }
}
