namespace Replay.Trace.Columns;

/// <summary>One row group of an access file: its columns in the order of <see cref="AccessColumn.All"/>.</summary>
internal sealed record RowGroupMeta(int Rows, ColumnChunkMeta[] Columns)
{
    private const int OrdinalColumn = 0;

    public long LastOrdinal => (long)(Columns[OrdinalColumn].Range?.Max ?? throw new InvalidDataException("the ordinals have no statistics"));
}
