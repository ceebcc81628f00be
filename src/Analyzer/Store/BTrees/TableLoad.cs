using Replay.Replayer.SavedState;

namespace Replay.Analyzer.Store.BTrees;

/// <summary>The rows of one table of records, run by run, and the entries of its indexes, until its b-trees are built.</summary>
internal sealed class TableLoad
{
    private readonly Spool _spool;
    private readonly SortedDictionary<long, SpoolStream> _runs = [];
    private readonly IndexEntries[] _indexes;
    private readonly byte[] _room = new byte[RecordCell.Room];

    public TableLoad(TableShape shape, Spool spool, KeySort sort)
    {
        Shape = shape;
        _spool = spool;
        _indexes = [.. shape.Indexes.Select(index => new IndexEntries(index, spool, sort))];
    }

    public TableShape Shape { get; }

    public SpoolStream RowsOf(long run)
    {
        if (!_runs.TryGetValue(run, out var rows))
            _runs.Add(run, rows = new SpoolStream(_spool));
        return rows;
    }

    public void Add(SpoolStream rows, ReadOnlySpan<long> values, uint nulls)
    {
        rows.Add(RecordCell.Encode(values, nulls, Shape.Order, _room));
        foreach (var index in _indexes)
            index.Add(values, nulls);
    }

    /// <summary>Builds the b-tree of the table.</summary>
    public void BuildTable(DatabasePages pages, IReadOnlyDictionary<string, uint> roots)
    {
        var tree = new BTreeBuilder(pages, roots[Shape.Name]);
        var room = new byte[SpoolStream.ExtentLength];
        foreach (var rows in _runs.Values)
        {
            var position = 0;
            for (var cells = rows.Read(ref position, room); !cells.IsEmpty; cells = rows.Read(ref position, room))
            {
                while (!cells.IsEmpty)
                {
                    var length = RecordCell.LengthOf(cells);
                    tree.Append(cells[..length]);
                    cells = cells[length..];
                }
            }
        }

        tree.Finish();
    }

    /// <summary>Builds the b-trees of the indexes.</summary>
    public void BuildIndexes(DatabasePages pages, IReadOnlyDictionary<string, uint> roots)
    {
        foreach (var index in _indexes)
        {
            var tree = new BTreeBuilder(pages, roots[index.Shape.Name]);
            index.Build(tree);
            tree.Finish();
        }
    }

    public void Save(StateBuffer destination)
    {
        destination.Write(_runs.Count);
        foreach (var (run, rows) in _runs)
        {
            destination.Write(run);
            rows.Save(destination);
        }

        foreach (var index in _indexes)
            index.Save(destination);
    }

    public void Restore(ref StateCursor source)
    {
        for (var left = source.Read<int>(); left > 0; left--)
        {
            var run = source.Read<long>();
            _runs.Add(run, SpoolStream.Restore(_spool, ref source));
        }

        foreach (var index in _indexes)
            index.Restore(ref source);
    }
}
