using System.Runtime.InteropServices;

namespace Replay.Analyzer.Store.Summaries;

/// <summary>How many records of each sort there are in each stretch of the run.</summary>
internal sealed class ActivitySummary
{
    private Dictionary<ulong, long> _counts = [];

    /// <summary>A stretch is 2^shift ordinals.</summary>
    public int Shift { get; private set; }

    public void Count(RecordBatch batch)
    {
        foreach (ref readonly var exit in batch.Exits.Records)
            Add(exit.Ordinal, ActivityKind.Exit, (int)exit.Reason, 0);
        foreach (ref readonly var row in batch.Faults.Records)
            Add(row.Fault.Ordinal, ActivityKind.Fault, (int)row.Fault.Outcome, 0);
        foreach (ref readonly var write in batch.Writes.Records)
            Add(write.Ordinal, ActivityKind.Write, (int)write.Function, write.Level);
        foreach (ref readonly var page in batch.Pages.Records)
            Add(page.Ordinal, ActivityKind.Page, (int)page.Operation, page.Level);
        foreach (ref readonly var root in batch.Roots.Records)
            Add(root.Ordinal, ActivityKind.Root, (int)root.Operation, 0);
        foreach (ref readonly var flush in batch.Flushes.Records)
            Add(flush.Ordinal, ActivityKind.Flush, (int)flush.Kind, 0);
        foreach (ref readonly var fault in batch.GuestFaults.Records)
            Add(fault.Ordinal, ActivityKind.GuestFault, 0, 0);
    }

    public void Store(NativeConnection connection, int run, int shift)
    {
        Widen(shift - Shift);
        foreach (var (key, count) in _counts)
        {
            connection.Run(
                "INSERT INTO _activity (run, stretch, kind, name, level, count) VALUES (?, ?, ?, ?, ?, ?)",
                run,
                key >> 32,
                key >> 24 & 255,
                key & 0xffff,
                key >> 16 & 255,
                count);
        }
    }

    // 63..32   31..24  23..16  15..0
    // stretch  kind    level   name
    private void Add(long ordinal, ActivityKind kind, int name, int level)
    {
        if (ordinal >> Shift >= Stretches.Most)
            Widen(Stretches.Doublings(ordinal, Shift));
        var key = (ulong)(ordinal >> Shift) << 32 | (ulong)kind << 24 | (ulong)level << 16 | (uint)name;
        CollectionsMarshal.GetValueRefOrAddDefault(_counts, key, out _)++;
    }

    private void Widen(int doublings)
    {
        if (doublings == 0)
            return;
        var counts = new Dictionary<ulong, long>(_counts.Count);
        foreach (var (key, count) in _counts)
            CollectionsMarshal.GetValueRefOrAddDefault(counts, key >> 32 >> doublings << 32 | (key & uint.MaxValue), out _) += count;
        _counts = counts;
        Shift += doublings;
    }
}

/// <summary>Sorts of records in <c>_activity</c>. The numbers are stored.</summary>
internal enum ActivityKind : byte
{
    Exit = 1,
    Fault = 2,
    Write = 3,
    Page = 4,
    Root = 5,
    Flush = 6,
    GuestFault = 7,
}

/// <summary>
/// How a run is cut into stretches: 2^shift ordinals each, from ordinal 0, so that the stretches of all runs of a capture begin at the
/// same ordinals. Whoever counts doubles the width when there would be too many.
/// </summary>
internal static class Stretches
{
    /// <summary>Reports merge stretches into as many steps as they are asked for: 1000 are fine enough for any screen.</summary>
    public const int Most = 1024;

    /// <summary>Doublings until the stretch of <paramref name="ordinal"/> is one of the <see cref="Most"/>.</summary>
    public static int Doublings(long ordinal, int shift)
    {
        var doublings = 0;
        while (ordinal >> (shift + doublings) >= Most)
            doublings++;
        return doublings;
    }
}
