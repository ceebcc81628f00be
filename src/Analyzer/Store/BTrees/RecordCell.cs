using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Replay.Analyzer.Store.BTrees;

/// <summary>Rows of integers and NULLs as cells of an index b-tree's leaf, byte for byte as SQLite writes them.</summary>
/// <remarks>
/// <code>
/// length of what follows     varint, one or two bytes here
/// length of the header       one byte: itself and a serial type a column
/// serial type a column       0 NULL, 1-6 an integer of 1, 2, 3, 4, 6, 8 bytes, 8 the number 0, 9 the number 1
/// integers                   big endian, as short as they can be
/// </code>
/// Source: sqlite.org/fileformat2.html, "Record Format" and "B-tree Pages".
/// </remarks>
internal static class RecordCell
{
    /// <summary>Room that <see cref="Encode"/> needs: lengths, types, integers, and what the last store may write beyond them.</summary>
    public const int Room = LengthRoom + 1 + (RowValues.MaxColumns * (1 + sizeof(long))) + sizeof(long);

    private const int LengthRoom = 2;
    private const int OneByteLengths = 0x80;

    /// <summary>By the bytes that a number needs.</summary>
    private static ReadOnlySpan<byte> Widths => [0, 1, 2, 3, 4, 6, 6, 8, 8];

    private static ReadOnlySpan<byte> Types => [0, 1, 2, 3, 4, 5, 5, 6, 6];

    /// <param name="values">Columns.</param>
    /// <param name="nulls">Bit n: column n is NULL.</param>
    /// <param name="order">Which column comes at which place; below 0: a NULL.</param>
    /// <param name="room"><see cref="Room"/> bytes.</param>
    /// <returns>The cell, within <paramref name="room"/>.</returns>
    public static ReadOnlySpan<byte> Encode(ReadOnlySpan<long> values, uint nulls, ReadOnlySpan<int> order, Span<byte> room)
    {
        var type = LengthRoom + 1;
        var body = type + order.Length;
        room[LengthRoom] = (byte)(order.Length + 1);
        foreach (var column in order)
        {
            if (column < 0 || (nulls >> column & 1) != 0)
            {
                room[type++] = 0;
                continue;
            }

            var value = values[column];
            if ((ulong)value <= 1)
            {
                room[type++] = (byte)(8 + value);
                continue;
            }

            var bytes = (72 - BitOperations.LeadingZeroCount((ulong)(value ^ value >> 63))) >> 3;
            int width = Widths[bytes];
            room[type++] = Types[bytes];
            BinaryPrimitives.WriteInt64BigEndian(room[body..], value << (64 - (width * 8)));
            body += width;
        }

        var length = body - LengthRoom;
        if (length < OneByteLengths)
        {
            room[1] = (byte)length;
            return room[1..body];
        }

        room[0] = (byte)(OneByteLengths | length >> 7);
        room[1] = (byte)(length & 0x7f);
        return room[..body];
    }

    /// <summary>Bytes of the cell at the beginning of <paramref name="cells"/>, its length included.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int LengthOf(ReadOnlySpan<byte> cells)
    {
        ref var first = ref MemoryMarshal.GetReference(cells);
        return first < OneByteLengths ? first + 1 : ((first & 0x7f) << 7 | cells[1]) + 2;
    }
}
