using Replay.Replayer.History;

namespace Replay.Analyzer.Store;

/// <summary>The rows of a batch, or those at its beginning.</summary>
internal readonly ref struct RowSlice
{
    public RowSlice(RecordBatch batch)
    {
        Accesses = batch.Accesses.Records;
        Exits = batch.Exits.Records;
        Faults = batch.Faults.Records;
        Writes = batch.Writes.Records;
        Pages = batch.Pages.Records;
        Roots = batch.Roots.Records;
        Flushes = batch.Flushes.Records;
        Rmaps = batch.Rmaps.Records;
        GuestFaults = batch.GuestFaults.Records;
    }

    public ReadOnlySpan<AccessRecord> Accesses { get; private init; }

    public ReadOnlySpan<VmExitRecord> Exits { get; private init; }

    public ReadOnlySpan<FaultRow> Faults { get; private init; }

    public ReadOnlySpan<TableWrite> Writes { get; private init; }

    public ReadOnlySpan<TablePageRecord> Pages { get; private init; }

    public ReadOnlySpan<RootRecord> Roots { get; private init; }

    public ReadOnlySpan<TlbFlushRecord> Flushes { get; private init; }

    public ReadOnlySpan<RmapRecord> Rmaps { get; private init; }

    public ReadOnlySpan<GuestFaultRecord> GuestFaults { get; private init; }

    public int Count =>
        Accesses.Length + Exits.Length + Faults.Length + Writes.Length + Pages.Length + Roots.Length + Flushes.Length + Rmaps.Length + GuestFaults.Length;

    /// <summary>The ordinal of every row, kind by kind.</summary>
    public long[] Ordinals()
    {
        var ordinals = new long[Count];
        var next = 0;
        foreach (ref readonly var row in Accesses)
            ordinals[next++] = row.Ordinal;
        foreach (ref readonly var row in Exits)
            ordinals[next++] = row.Ordinal;
        foreach (ref readonly var row in Faults)
            ordinals[next++] = row.Fault.Ordinal;
        foreach (ref readonly var row in Writes)
            ordinals[next++] = row.Ordinal;
        foreach (ref readonly var row in Pages)
            ordinals[next++] = row.Ordinal;
        foreach (ref readonly var row in Roots)
            ordinals[next++] = row.Ordinal;
        foreach (ref readonly var row in Flushes)
            ordinals[next++] = row.Ordinal;
        foreach (ref readonly var row in Rmaps)
            ordinals[next++] = row.Ordinal;
        foreach (ref readonly var row in GuestFaults)
            ordinals[next++] = row.Ordinal;
        return ordinals;
    }

    /// <summary>The rows of the ordinals up to <paramref name="ordinal"/>.</summary>
    public RowSlice UpTo(long ordinal) => new()
    {
        Accesses = UpTo(Accesses, ordinal, static (in AccessRecord row) => row.Ordinal),
        Exits = UpTo(Exits, ordinal, static (in VmExitRecord row) => row.Ordinal),
        Faults = UpTo(Faults, ordinal, static (in FaultRow row) => row.Fault.Ordinal),
        Writes = UpTo(Writes, ordinal, static (in TableWrite row) => row.Ordinal),
        Pages = UpTo(Pages, ordinal, static (in TablePageRecord row) => row.Ordinal),
        Roots = UpTo(Roots, ordinal, static (in RootRecord row) => row.Ordinal),
        Flushes = UpTo(Flushes, ordinal, static (in TlbFlushRecord row) => row.Ordinal),
        Rmaps = UpTo(Rmaps, ordinal, static (in RmapRecord row) => row.Ordinal),
        GuestFaults = UpTo(GuestFaults, ordinal, static (in GuestFaultRecord row) => row.Ordinal),
    };

    private delegate long OrdinalOf<T>(in T row);

    private static ReadOnlySpan<T> UpTo<T>(ReadOnlySpan<T> rows, long ordinal, OrdinalOf<T> ordinalOf)
    {
        var length = rows.Length;
        while (length > 0 && ordinalOf(in rows[length - 1]) > ordinal)
            length--;
        return rows[..length];
    }
}
