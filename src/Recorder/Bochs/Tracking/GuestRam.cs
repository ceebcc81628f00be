using System.Buffers.Binary;

namespace Replay.Recorder.Bochs;

/// <summary>
/// The guest's memory as the trace tells it: what stood there at the start, and every store since. What a device writes by itself the trace does
/// not tell; a walk that reads something else finds it out.
/// </summary>
internal sealed class GuestRam
{
    public const int PageShift = 12;
    public const int PageSize = 1 << PageShift;

    /// <summary>From here to <see cref="UpperStart"/> the machine has its display memory, and ROMs where it has no firmware that copies them to RAM.</summary>
    public const ulong LowerEnd = 0xa_0000;

    private const ulong FirmwareStart = 0xc_0000;
    private const ulong FirmwareEnd = 0x10_0000;

    private readonly byte[] _bytes;
    private readonly bool[] _isTable;

    /// <param name="bytes">How much there is.</param>
    /// <param name="hasFirmware">A BIOS has RAM where its ROM was.</param>
    public GuestRam(int bytes, bool hasFirmware = false)
    {
        UpperStart = hasFirmware ? FirmwareStart : FirmwareEnd;
        _bytes = new byte[bytes];
        _isTable = new bool[bytes >> PageShift];
    }

    public ulong Size => (ulong)_bytes.Length;

    public ulong UpperStart { get; }

    public bool Contains(ulong gpa) => gpa < LowerEnd || (gpa >= UpperStart && gpa < Size);

    /// <summary>The page is followed as a page table.</summary>
    public bool IsTable(ulong gpa) => Contains(gpa) && _isTable[gpa >> PageShift];

    public void MarkTable(ulong gpa) => _isTable[gpa >> PageShift] = true;

    /// <summary>Takes the memory as it is at the start.</summary>
    public void Load(Stream content) => content.ReadExactly(_bytes);

    public ReadOnlySpan<byte> Page(ulong gpa) => _bytes.AsSpan((int)(gpa & ~(ulong)(PageSize - 1)), PageSize);

    public void Store(ulong gpa, ReadOnlySpan<byte> data)
    {
        if (Contains(gpa) && HasAll(gpa, data.Length))
            data.CopyTo(_bytes.AsSpan((int)gpa));
    }

    public bool Holds(ulong gpa, ReadOnlySpan<byte> data) =>
        HasAll(gpa, data.Length) && _bytes.AsSpan((int)gpa, data.Length).SequenceEqual(data);

    public bool TryRead(ulong gpa, int size, out ulong value)
    {
        value = 0;
        if (!Contains(gpa) || !HasAll(gpa, size))
            return false;
        value = Read(gpa, size);
        return true;
    }

    /// <summary>A little-endian number of 1, 2, 4 or 8 bytes; 0 outside of memory.</summary>
    public ulong Read(ulong gpa, int size)
    {
        if (!HasAll(gpa, size))
            return 0;
        var at = _bytes.AsSpan((int)gpa);
        return size switch
        {
            1 => at[0],
            2 => BinaryPrimitives.ReadUInt16LittleEndian(at),
            4 => BinaryPrimitives.ReadUInt32LittleEndian(at),
            _ => BinaryPrimitives.ReadUInt64LittleEndian(at),
        };
    }

    private bool HasAll(ulong gpa, int size) => gpa < Size && (ulong)size <= Size - gpa;
}
