using System.Buffers.Binary;

namespace Replay.Analyzer.Store.BTrees;

/// <summary>Reads some columns of rows of integers and NULLs: see <see cref="RecordCell"/>.</summary>
internal sealed class RecordColumns
{
    private const int None = -1;
    private const int Float = 7;
    private const int One = 9;

    private readonly int[] _places;
    private readonly long _null;

    /// <param name="stored">The columns of the table as they lie on disk.</param>
    /// <param name="wanted">Those that are read, in any order.</param>
    /// <param name="whenNull">What a NULL is read as.</param>
    public RecordColumns(IReadOnlyList<string> stored, string[] wanted, long whenNull = 0)
    {
        _null = whenNull;
        var last = 0;
        for (var column = 0; column < stored.Count; column++)
        {
            if (wanted.Contains(stored[column]))
                last = column;
        }

        _places = [.. stored.Take(last + 1).Select(name => Array.IndexOf(wanted, name))];
    }

    /// <summary>Bytes of an integer by its serial type.</summary>
    private static ReadOnlySpan<byte> Widths => [0, 1, 2, 3, 4, 6, 8, 8, 0, 0];

    /// <param name="cell">Begins with the cell; 8 bytes more than it has may be read.</param>
    /// <param name="columns">Gets what is wanted.</param>
    /// <returns>The first column of the row.</returns>
    /// <exception cref="ArgumentOutOfRangeException">It is no cell of such a row.</exception>
    public long Read(ReadOnlySpan<byte> cell, Span<long> columns)
    {
        var types = Open(cell, out var body);
        var first = 0L;
        for (var column = 0; column < _places.Length; column++)
        {
            var value = column < types.Length && types[column] != 0 ? Next(cell, types[column], ref body) : _null;
            if (column == 0)
                first = value;
            var place = _places[column];
            if (place != None)
                columns[place] = value;
        }

        return first;
    }

    /// <summary>The first two columns of the row.</summary>
    public static (long First, long Second) Key(ReadOnlySpan<byte> cell)
    {
        var types = Open(cell, out var body);
        return (Next(cell, types[0], ref body), Next(cell, types[1], ref body));
    }

    private static ReadOnlySpan<byte> Open(ReadOnlySpan<byte> cell, out int body)
    {
        var at = cell[0] < 0x80 ? 1 : 2;
        int header = cell[at];
        ArgumentOutOfRangeException.ThrowIfGreaterThan(header, RowValues.MaxColumns + 1);
        body = at + header;
        return cell.Slice(at + 1, header - 1);
    }

    private static long Next(ReadOnlySpan<byte> cell, int type, ref int body)
    {
        if (type is > One or Float)
            throw new ArgumentOutOfRangeException(nameof(type), type, "no integer");
        int width = Widths[type];
        if (width == 0)
            return type == One ? 1 : 0;
        var value = BinaryPrimitives.ReadInt64BigEndian(cell[body..]) >> (64 - (width * 8));
        body += width;
        return value;
    }
}
