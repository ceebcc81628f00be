using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;

namespace Replay.Trace.Columns;

/// <summary>
/// Offsets inside their page as indexes of twelve bits into the numbers from 0 to 4095: a page of RLE_DICTIONARY in which nothing is looked up
/// and no run is sought, made and read about as fast as memory is copied.
/// </summary>
/// <remarks>
/// One packed stretch. Four offsets, in 16 bits each, become six bytes:
/// <code>
/// 0000dddddddddddd 0000cccccccccccc 0000bbbbbbbbbbbb 0000aaaaaaaaaaaa
///                 dddddddddddd cccccccccccc bbbbbbbbbbbb aaaaaaaaaaaa
/// </code>
/// </remarks>
internal static class OffsetPage
{
    /// <summary>Entries of the dictionary.</summary>
    public const int Entries = 1 << Width;

    private const int Width = 12;

    /// <summary>Offsets in eight bytes before they are packed.</summary>
    private const int Four = 4;

    private const int FourBytes = Four * Width / 8;

    /// <summary>Parquet packs in groups of eight.</summary>
    private const int Group = 2 * Four;

    private const ulong Mask = 0x0fff_0fff_0fff_0fff;

    /// <summary>The dictionary page: each offset is its own index.</summary>
    public static byte[] Dictionary { get; } = MemoryMarshal.AsBytes<int>(Enumerable.Range(0, Entries).ToArray()).ToArray();

    /// <summary>Bytes that <paramref name="count"/> offsets take at most, and those that are touched behind them.</summary>
    public static int MaxBytes(int count) => 1 + Varint.MaxBytes + PackedBytes(count) + sizeof(ulong);

    /// <returns>Bytes written.</returns>
    public static int Encode(ReadOnlySpan<ushort> offsets, Span<byte> into)
    {
        into[0] = Width;
        var at = 1 + Varint.Write(into[1..], Header(offsets.Length));
        var whole = offsets.Length - (offsets.Length % Group);
        PackWhole(offsets[..whole], into[at..]);
        at += PackedBytes(whole);
        if (whole == offsets.Length)
            return at;
        Span<ushort> padded = stackalloc ushort[Group];
        padded.Clear();
        offsets[whole..].CopyTo(padded);
        PackWhole(padded, into[at..]);
        return at + PackedBytes(Group);
    }

    /// <summary>Decodes a page that has exactly as many offsets as <paramref name="offsets"/> holds.</summary>
    public static void Decode(ReadOnlySpan<byte> page, Span<uint> offsets)
    {
        var at = 1;
        if (page.IsEmpty || page[0] != Width || Varint.Read(page, ref at) != Header(offsets.Length) || page.Length - at != PackedBytes(offsets.Length))
            throw new InvalidDataException("the offsets are not one stretch of twelve bits each");
        var packed = page[at..];
        Span<byte> six = stackalloc byte[sizeof(ulong)];
        Span<uint> four = stackalloc uint[Four];
        while (!offsets.IsEmpty)
        {
            ulong bits;
            if (packed.Length >= sizeof(ulong))
            {
                bits = BinaryPrimitives.ReadUInt64LittleEndian(packed);
            }
            else
            {
                six.Clear();
                packed[..FourBytes].CopyTo(six);
                bits = BinaryPrimitives.ReadUInt64LittleEndian(six);
            }
            var spread = Bmi2.X64.IsSupported ? Bmi2.X64.ParallelBitDeposit(bits, Mask) : Scatter(bits);
            if (offsets.Length < Four)
            {
                Widen(spread, four);
                four[..offsets.Length].CopyTo(offsets);
                return;
            }
            Widen(spread, offsets);
            packed = packed[FourBytes..];
            offsets = offsets[Four..];
        }
    }

    /// <summary>What <see cref="Bmi2.X64.ParallelBitExtract"/> does with the mask, where the CPU has no such instruction.</summary>
    internal static ulong Gather(ulong four) =>
        (four & 0xfff) | ((four >> 4) & (0xfffUL << 12)) | ((four >> 8) & (0xfffUL << 24)) | ((four >> 12) & (0xfffUL << 36));

    /// <summary>What <see cref="Bmi2.X64.ParallelBitDeposit"/> does with the mask, where the CPU has no such instruction.</summary>
    internal static ulong Scatter(ulong packed) =>
        (packed & 0xfff) | ((packed & (0xfffUL << 12)) << 4) | ((packed & (0xfffUL << 24)) << 8) | ((packed & (0xfffUL << 36)) << 12);

    private static ulong Header(int count) => ((ulong)(count + Group - 1) / Group << 1) | 1;

    private static int PackedBytes(int count) => (count + Group - 1) / Group * Width;

    /// <param name="offsets">Whole groups.</param>
    /// <param name="into">Where to write; two bytes behind the packed ones are overwritten.</param>
    private static void PackWhole(ReadOnlySpan<ushort> offsets, Span<byte> into)
    {
        var words = MemoryMarshal.Cast<ushort, ulong>(offsets);
        for (var i = 0; i < words.Length; i++)
        {
            var bits = Bmi2.X64.IsSupported ? Bmi2.X64.ParallelBitExtract(words[i], Mask) : Gather(words[i]);
            BinaryPrimitives.WriteUInt64LittleEndian(into[(i * FourBytes)..], bits);
        }
    }

    private static void Widen(ulong four, Span<uint> into)
    {
        into[3] = (uint)(four >> 48);
        into[2] = (uint)(four >> 32) & 0xffff;
        into[1] = (uint)(four >> 16) & 0xffff;
        into[0] = (uint)four & 0xffff;
    }
}
