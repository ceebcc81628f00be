using Replay.Replayer.Hardware;
using Replay.Trace.Tables;

namespace Replay.Analyzer.Export;

/// <summary>The stream of page-table entries that a run's page walks read, a row an entry, for simulators of TLBs and page walkers.</summary>
public sealed class WalkFile : IWalkObserver, IDisposable
{
    private static readonly string[] Kinds = ["read", "write", "fetch"];

    private readonly TypedRows _rows;

    /// <param name="path">The file.</param>
    /// <param name="isCsv">CSV; else Parquet.</param>
    public WalkFile(string path, bool isCsv) => _rows = TypedRows.Create(path, isCsv, Columns);

    /// <summary>The columns, which <c>docs/walks.md</c> describes.</summary>
    public static IReadOnlyList<TableColumn> Columns { get; } =
    [
        new("walk", TableColumnType.Integer),
        new("step", TableColumnType.Integer),
        new("ordinal", TableColumnType.Integer),
        new("vcpu", TableColumnType.Integer),
        new("access", TableColumnType.Word),
        new("gva", TableColumnType.Unsigned),
        new("hpa", TableColumnType.Unsigned),
        new("tables", TableColumnType.Word),
        new("level", TableColumnType.Integer),
        new("of_level", TableColumnType.Integer),
        new("address", TableColumnType.Unsigned),
        new("gpa", TableColumnType.Unsigned),
        new("entry", TableColumnType.Unsigned),
    ];

    public long Walks { get; private set; }

    /// <summary>Entries read, the rows of the file.</summary>
    public long References => _rows.Rows;

    public void Walked(in CompletedWalk walk, ReadOnlySpan<WalkReference> references)
    {
        for (var step = 0; step < references.Length; step++)
        {
            ref readonly var reference = ref references[step];
            var isGuest = reference.Dimension == WalkDimension.Guest;
            _rows.Set(0, Walks);
            _rows.Set(1, step);
            _rows.Set(2, walk.Ordinal);
            _rows.Set(3, walk.Vcpu);
            _rows.Set(4, Kinds[(int)walk.Kind]);
            _rows.Set(5, unchecked((long)walk.Gva));
            _rows.Set(6, unchecked((long)walk.Hpa));
            _rows.Set(7, isGuest ? "guest" : "kvm");
            _rows.Set(8, reference.Level);
            _rows.Set(9, reference.Of);
            _rows.Set(10, unchecked((long)reference.Address));
            if (isGuest)
                _rows.Set(11, unchecked((long)reference.Gpa));
            _rows.Set(12, unchecked((long)reference.Entry));
            _rows.EndRow();
        }

        Walks++;
    }

    public void Finish() => _rows.Finish();

    public void Dispose() => _rows.Dispose();
}
