using Replay.Analyzer.Store.BTrees;

namespace Replay.Analyzer.Tests.BTrees;

public sealed class IndexEntriesTests : IDisposable
{
    private readonly TempDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData(1, 0, 3)]
    [InlineData(2, 1, 3)]
    [InlineData(3, 5_000, 1)]
    [InlineData(4, 5_000, 3)]
    public void Rows_are_sorted_by_signed_columns_and_stay_in_order_where_these_agree(int seed, int rows, int sorted)
    {
        const int Capacity = 5_003;
        var random = new Random(seed);
        var columns = new long[sorted * Capacity];
        for (var column = 0; column < sorted; column++)
        {
            for (var row = 0; row < rows; row++)
                columns[(column * Capacity) + row] = Number(random, column);
        }

        var expected = Enumerable.Range(0, rows).OrderBy(row => columns[row]);
        for (var column = 1; column < sorted; column++)
        {
            var offset = column * Capacity;
            expected = expected.ThenBy(row => columns[offset + row]);
        }

        Assert.Equal(expected, new KeySort().Order(columns, Capacity, rows, sorted).ToArray());
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(13)]
    public void Sorted_pieces_are_merged_in_order_and_equal_entries_in_that_of_the_pieces(int pieces)
    {
        using var spool = new Spool(_directory.File("x.spool"));
        var random = new Random(pieces);
        var all = new List<long[]>();
        var readers = new PieceReader[pieces];
        for (var piece = 0; piece < pieces; piece++)
        {
            var entries = Enumerable.Range(0, random.Next(8_000)).Select(_ => new[] { Number(random, 1), Number(random, 2), 0L }).OrderBy(entry => entry[0]).ThenBy(entry => entry[1]).ToList();
            var stream = new SpoolStream(spool, PieceReader.ExtentLength);
            foreach (var entry in entries)
            {
                entry[2] = all.Count;
                all.Add(entry);
                stream.Add(System.Runtime.InteropServices.MemoryMarshal.AsBytes(entry.AsSpan()));
            }

            readers[piece] = new PieceReader(stream, 3);
        }

        var merge = new PieceMerge(readers, sorted: 2);
        var merged = new List<long[]>();
        while (merge.TryNext(out var entry))
            merged.Add(entry.ToArray());
        Assert.Equal(all.OrderBy(entry => entry[0]).ThenBy(entry => entry[1]), merged);
    }

    /// <summary>Few different ones, large and small, of both signs.</summary>
    private static long Number(Random random, int column) => column switch
    {
        0 => random.NextInt64(),
        1 => random.Next(-20, 20) * 0x0123_4567_89abL,
        _ => random.Next(3),
    };
}
