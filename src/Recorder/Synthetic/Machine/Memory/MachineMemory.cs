using System.Buffers.Binary;
using Replay.Trace;

namespace Replay.Recorder.Synthetic.Machine;

/// <summary>
/// Guest-physical memory, sparse: a page nobody stored a value to reads as zero and takes no room. Two ranges as on a PC: up to 3 GiB
/// from 0, the rest from 4 GiB; what lies between and above belongs to devices.
/// </summary>
public sealed class MachineMemory
{
    public const ulong LowLimit = 3UL << 30;
    public const ulong HighBase = 4UL << 30;

    private const int BlockShift = 9;

    private readonly ulong[]?[]?[] _blocks;

    /// <param name="bytes">RAM, a multiple of 4 KiB.</param>
    public MachineMemory(ulong bytes)
    {
        Bytes = bytes;
        LowBytes = Math.Min(bytes, LowLimit);
        HighBytes = bytes - LowBytes;
        var top = HighBytes == 0 ? LowBytes : HighBase + HighBytes;
        _blocks = new ulong[]?[]?[(int)(((top >> 12) >> BlockShift) + 1)];
    }

    public ulong Bytes { get; }

    public ulong LowBytes { get; }

    public ulong HighBytes { get; }

    public bool IsRam(Gpa gpa) => gpa.Value < LowBytes || (gpa.Value >= HighBase && gpa.Value - HighBase < HighBytes);

    /// <summary>Reads 1, 2, 4 or 8 aligned bytes, zero-extended.</summary>
    public ulong Read(Gpa gpa, int size)
    {
        var page = Find(gpa.PageNumber);
        if (page is null)
            return 0;
        var shift = (gpa.PageOffset & 7) * 8;
        return (page[gpa.PageOffset >> 3] >> shift) & Mask(size);
    }

    /// <summary>Writes 1, 2, 4 or 8 aligned bytes.</summary>
    public void Write(Gpa gpa, int size, ulong value)
    {
        var page = Find(gpa.PageNumber);
        if (page is null)
        {
            if ((value & Mask(size)) == 0)
                return;
            page = Make(gpa.PageNumber);
        }
        var shift = (gpa.PageOffset & 7) * 8;
        ref var word = ref page[gpa.PageOffset >> 3];
        word = (word & ~(Mask(size) << shift)) | ((value & Mask(size)) << shift);
    }

    public void ClearPage(Gfn gfn)
    {
        if (Find(gfn.Value) is { } page)
            Array.Clear(page);
    }

    public void CopyPage(Gfn from, Gfn to)
    {
        if (Find(from.Value) is { } source)
            source.CopyTo(Make(to.Value), 0);
        else
            ClearPage(to);
    }

    /// <summary>The page's 4096 bytes, little-endian; null when all are zero.</summary>
    public byte[]? Image(Gfn gfn)
    {
        var page = Find(gfn.Value);
        if (page is null || !page.AsSpan().ContainsAnyExcept(0UL))
            return null;
        var image = new byte[4096];
        for (var i = 0; i < page.Length; i++)
            BinaryPrimitives.WriteUInt64LittleEndian(image.AsSpan(i * 8), page[i]);
        return image;
    }

    private static ulong Mask(int size) => ulong.MaxValue >> (64 - (size * 8));

    private ulong[]? Find(ulong gfn)
    {
        var block = gfn >> BlockShift;
        return block < (ulong)_blocks.Length ? _blocks[block]?[gfn & ((1 << BlockShift) - 1)] : null;
    }

    private ulong[] Make(ulong gfn)
    {
        var block = _blocks[gfn >> BlockShift] ??= new ulong[]?[1 << BlockShift];
        return block[gfn & ((1 << BlockShift) - 1)] ??= new ulong[512];
    }
}
