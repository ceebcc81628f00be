using Replay.Analyzer.Store.Layouts;
using Replay.Replayer.History;

namespace Replay.Analyzer.Store.BTrees;

/// <summary>The tables whose rows come in the order of their primary key and never change.</summary>
internal static class LoadedTables
{
    public static IReadOnlyList<(string Name, string Columns)> All { get; } =
    [
        Of<AccessRecord, AccessLayout>(),
        Of<VmExitRecord, VmExitLayout>(),
        Of<FaultRow, FaultLayout>(),
        Of<TableWrite, TableWriteLayout>(),
        Of<TablePageRecord, PageOperationLayout>(),
        Of<RootRecord, RootLayout>(),
        Of<TlbFlushRecord, FlushLayout>(),
        Of<RmapRecord, RmapLayout>(),
        Of<GuestFaultRecord, GuestFaultLayout>(),
    ];

    private static (string Name, string Columns) Of<T, TLayout>()
        where T : unmanaged
        where TLayout : IRowLayout<T> => (TLayout.Table, TLayout.Columns);
}
