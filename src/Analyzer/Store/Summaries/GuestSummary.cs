using System.Runtime.InteropServices;
using Replay.Replayer.History;

namespace Replay.Analyzer.Store.Summaries;

/// <summary>Whose the records are: the guest's, or those of a guest that it runs.</summary>
internal sealed class GuestSummary
{
    /// <summary>Behind those of <see cref="ActivityKind"/>.</summary>
    private const ActivityKind Access = ActivityKind.GuestFault + 1;

    private readonly Dictionary<uint, long> _counts = [];

    public void Count(RecordBatch batch)
    {
        foreach (ref readonly var exit in batch.Exits.Records)
            Add(exit.Context, ActivityKind.Exit, (int)exit.Reason, 0);
        foreach (ref readonly var row in batch.Faults.Records)
            Add(row.Fault.Context, ActivityKind.Fault, (int)row.Fault.Outcome, 0);
        foreach (ref readonly var write in batch.Writes.Records)
            Add(write.Context, ActivityKind.Write, (int)write.Function, write.Level);
        foreach (ref readonly var page in batch.Pages.Records)
            Add(page.Context, ActivityKind.Page, (int)page.Operation, page.Level);
        foreach (ref readonly var root in batch.Roots.Records)
            Add(root.Context, ActivityKind.Root, (int)root.Operation, 0);
        foreach (ref readonly var flush in batch.Flushes.Records)
            Add(flush.Context, ActivityKind.Flush, (int)flush.Kind, 0);
        foreach (ref readonly var fault in batch.GuestFaults.Records)
            Add(fault.Context, ActivityKind.GuestFault, 0, 0);
        foreach (ref readonly var access in batch.Accesses.Records)
            Add(access.Context, Access, (int)access.Kind, 0);
    }

    public void Store(NativeConnection connection, int run)
    {
        foreach (var (key, count) in _counts)
        {
            connection.Run(
                "INSERT INTO _guest_tally (run, context, kind, name, level, count) VALUES (?, ?, ?, ?, ?, ?)",
                run,
                key >> 28,
                key >> 24 & 15,
                key & 0xffff,
                key >> 16 & 255,
                count);
        }
    }

    // 31..28   27..24  23..16  15..0
    // context  kind    level   name
    private void Add(GuestContext context, ActivityKind kind, int name, int level) =>
        CollectionsMarshal.GetValueRefOrAddDefault(_counts, (uint)context << 28 | (uint)kind << 24 | (uint)level << 16 | (uint)name, out _)++;
}
