using Replay.Analyzer.Store.BTrees;

namespace Replay.Analyzer.Tests.BTrees;

/// <summary>Cells by the record format of sqlite.org/fileformat2.html.</summary>
public sealed class RecordCellTests
{
    [Theory]
    [InlineData(0L, "02 02 08")]
    [InlineData(1L, "02 02 09")]
    [InlineData(2L, "03 02 01 02")]
    [InlineData(-1L, "03 02 01 ff")]
    [InlineData(127L, "03 02 01 7f")]
    [InlineData(128L, "04 02 02 00 80")]
    [InlineData(-128L, "03 02 01 80")]
    [InlineData(-129L, "04 02 02 ff 7f")]
    [InlineData(0x7fff_ffL, "05 02 03 7f ff ff")]
    [InlineData(0x8000_00L, "06 02 04 00 80 00 00")]
    [InlineData(-0x8000_0000L, "06 02 04 80 00 00 00")]
    [InlineData(0x8000_0000L, "08 02 05 00 00 80 00 00 00")]
    [InlineData(0x7fff_ffff_ffffL, "08 02 05 7f ff ff ff ff ff")]
    [InlineData(0x8000_0000_0000L, "0a 02 06 00 00 80 00 00 00 00 00")]
    [InlineData(long.MinValue, "0a 02 06 80 00 00 00 00 00 00 00")]
    public void A_number_takes_as_few_bytes_as_it_can(long value, string cell) => Assert.Equal(cell, Encode([value], 0, [0]));

    [Fact]
    public void Columns_come_in_the_order_of_the_table_and_nulls_take_no_room() =>
        Assert.Equal("06 05 01 00 09 00 02", Encode([1, 2, 3], 0b100, [1, 2, 0, -1]));

    [Fact]
    public void A_length_from_128_on_takes_two_bytes()
    {
        var values = Enumerable.Repeat(long.MinValue, 16).ToArray();
        var cell = RecordCell.Encode(values, 0, [.. Enumerable.Range(0, 16)], new byte[RecordCell.Room]);
        Assert.Equal(2 + 17 + (16 * 8), cell.Length);
        Assert.Equal((17 + (16 * 8)) & 0x7f, cell[1]);
        Assert.Equal(0x81, cell[0]);
        Assert.Equal(cell.Length, RecordCell.LengthOf(cell));
    }

    private static string Encode(long[] values, uint nulls, int[] order)
    {
        var cell = RecordCell.Encode(values, nulls, order, new byte[RecordCell.Room]);
        Assert.Equal(cell.Length, RecordCell.LengthOf(cell));
        return string.Join(' ', cell.ToArray().Select(value => value.ToString("x2", System.Globalization.CultureInfo.InvariantCulture)));
    }
}
