using System.Buffers.Binary;

namespace Replay.Recorder.Bochs;

/// <summary>What Bochs says of one access to memory, once in the order in which the CPU makes them.</summary>
internal struct MemoryLine
{
    /// <summary>A vector register.</summary>
    private const int LongestData = 64;

    private DataBytes _data;

    /// <summary>The access is the first half of a read-modify-write: its second is a line without a linear address.</summary>
    public bool IsReadForWrite;

    public bool IsWrite;

    /// <summary>The linear address; null of accesses that the CPU makes to physical addresses: tables, control blocks, the second half of a read-modify-write.</summary>
    public ulong? Linear;

    public ulong Physical;

    public int Length;

    /// <summary>What the CPU wants there, where it is no memory of the guest's code.</summary>
    public MemoryPurpose Purpose;

    /// <summary>The bytes read or written, as they stand in memory; empty where Bochs does not print them.</summary>
    [System.Diagnostics.CodeAnalysis.UnscopedRef]
    public readonly ReadOnlySpan<byte> Data => ((ReadOnlySpan<byte>)_data)[..Length];

    /// <summary>The first eight bytes, as far as they go.</summary>
    public readonly ulong Value => BinaryPrimitives.ReadUInt64LittleEndian(_data) & (Length >= 8 ? ulong.MaxValue : (1UL << (8 * Length)) - 1);

    /// <summary>Reads <c>[CPU0 RD]: LIN 0x... PHY 0x... (len=8, WB): 0x... 0x...</c> and its like.</summary>
    /// <returns>False: it is no such line.</returns>
    public static bool TryParse(ReadOnlySpan<byte> line, out MemoryLine result)
    {
        result = default;
        var text = new TextCursor(line);
        if (!text.Skip("[CPU"u8) || !text.SkipPast(' '))
            return false;
        var kind = text.Take(']');
        result.IsWrite = kind.SequenceEqual("WR"u8) || kind.SequenceEqual("SW"u8);
        result.IsReadForWrite = kind.SequenceEqual("RW"u8) || kind.SequenceEqual("SRW"u8);
        if (!text.Skip(": "u8))
            return false;
        if (text.Skip("LIN 0x"u8))
        {
            result.Linear = text.Hex();
            text.Skip(" "u8);
        }

        if (!text.Skip("PHY 0x"u8))
            return false;
        result.Physical = text.Hex();
        if (!text.Skip(" (len="u8))
            return false;
        result.Length = (int)text.Decimal();
        if (result.Length is < 1 or > LongestData || !text.SkipPast(')'))
            return false;
        result.ReadData(ref text);
        result.Purpose = text.SkipPast(';') ? PurposeOf(text.Rest.Trim((byte)' ')) : MemoryPurpose.Plain;
        return true;
    }

    /// <summary>Most significant first: in words of 32 bits at most, or in single bytes.</summary>
    private void ReadData(ref TextCursor text)
    {
        var at = Length;
        var inWords = text.Skip(":"u8);
        while (at > 0 && text.Skip(" "u8))
        {
            var digits = text.Skip("0x"u8) || !inWords ? text.HexDigits(out var value) : text.HexDigits(out value);
            for (var i = 0; i < digits / 2 && at > 0; i++)
                _data[--at] = (byte)(value >> ((digits - 2 - (2 * i)) * 4));
        }
    }

    private static MemoryPurpose PurposeOf(ReadOnlySpan<byte> name)
    {
        if (name.SequenceEqual("VMCS"u8))
            return MemoryPurpose.ControlBlock;
        if (name.EndsWith("PTE"u8) || name.EndsWith("PDE"u8) || name.EndsWith("PDPTE"u8) || name.EndsWith("PML4E"u8) || name.StartsWith("PDPTR"u8))
            return MemoryPurpose.TableEntry;
        return name.SequenceEqual("SMRAM"u8) ? MemoryPurpose.SystemManagement : MemoryPurpose.Other;
    }

    [System.Runtime.CompilerServices.InlineArray(LongestData)]
    private struct DataBytes
    {
        private byte _first;
    }
}

/// <summary>What the CPU wants at a physical address.</summary>
internal enum MemoryPurpose
{
    /// <summary>What an instruction reads or writes.</summary>
    Plain,

    /// <summary>An entry of a page table, of either dimension.</summary>
    TableEntry,

    /// <summary>A field of a VMCS or VMCB.</summary>
    ControlBlock,

    /// <summary>The save area of system management mode.</summary>
    SystemManagement,

    /// <summary>Bitmaps, areas of MSRs, the virtual APIC's page, the log of modified pages.</summary>
    Other,
}
