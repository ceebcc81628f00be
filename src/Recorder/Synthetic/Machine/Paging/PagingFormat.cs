using System.Diagnostics;
using Replay.Trace;

namespace Replay.Recorder.Synthetic.Machine;

/// <summary>The shape of one paging mode's tables. Levels count from 1, the level whose entries map 4 KiB.</summary>
public sealed class PagingFormat
{
    private static readonly PagingFormat[] Formats =
    [
        new(SyntheticPaging.Off, levels: 0, indexBits: 0, entryBytes: 0),
        new(SyntheticPaging.TwoLevel, levels: 2, indexBits: 10, entryBytes: 4),
        new(SyntheticPaging.Pae, levels: 3, indexBits: 9, entryBytes: 8),
        new(SyntheticPaging.FourLevel, levels: 4, indexBits: 9, entryBytes: 8),
        new(SyntheticPaging.FiveLevel, levels: 5, indexBits: 9, entryBytes: 8),
    ];

    private PagingFormat(SyntheticPaging mode, int levels, int indexBits, int entryBytes)
    {
        Mode = mode;
        Levels = levels;
        IndexBits = indexBits;
        EntryBytes = entryBytes;
        AddressMask = entryBytes == 4 ? 0xffff_f000UL : 0x000f_ffff_ffff_f000UL;
    }

    public SyntheticPaging Mode { get; }

    public int Levels { get; }

    public int IndexBits { get; }

    /// <summary>4 or 8.</summary>
    public int EntryBytes { get; }

    /// <summary>The bits of an entry that hold a table's address.</summary>
    public ulong AddressMask { get; }

    public bool IsLong => Levels >= 4;

    public static PagingFormat Of(SyntheticPaging mode) => Formats[(int)mode];

    /// <summary>The lowest address bit that selects an entry of <paramref name="level"/>.</summary>
    public int Shift(int level) => 12 + ((level - 1) * IndexBits);

    /// <summary>Bytes that one entry of <paramref name="level"/> spans.</summary>
    public ulong Span(int level) => 1UL << Shift(level);

    /// <summary>Entries in a table of <paramref name="level"/>; the PAE top table has four.</summary>
    public int Entries(int level) => Mode == SyntheticPaging.Pae && level == 3 ? 4 : 1 << IndexBits;

    public int Index(ulong gva, int level) => (int)(gva >> Shift(level)) & (Entries(level) - 1);

    /// <summary>Whether an entry of <paramref name="level"/> may map a page itself (with PS set; 32-bit tables also need CR4.PSE).</summary>
    public bool CanMapLarge(int level) => level == 2 || (level == 3 && IsLong);

    /// <summary>Sign-extends an address to the width of the mode.</summary>
    public ulong Canonical(ulong gva)
    {
        if (!IsLong)
            return gva & 0xffff_ffff;
        var unused = 64 - Shift(Levels + 1);
        return (ulong)((long)(gva << unused) >> unused);
    }

    /// <summary>The name a knob gives the mode.</summary>
    public static string Name(SyntheticPaging mode) => mode switch
    {
        SyntheticPaging.Off => "off",
        SyntheticPaging.TwoLevel => "32bit",
        SyntheticPaging.Pae => "pae",
        SyntheticPaging.FourLevel => "4level",
        SyntheticPaging.FiveLevel => "5level",
        _ => throw new UnreachableException(),
    };
}

/// <summary>How the guest translates addresses, as CR0.PG, CR4.PAE, EFER.LMA and CR4.LA57 say.</summary>
public enum SyntheticPaging : byte
{
    /// <summary>CR0.PG = 0: a virtual address is a physical one.</summary>
    Off,

    /// <summary>32-bit paging: two levels of 4-byte entries, 4 MiB pages with CR4.PSE.</summary>
    TwoLevel,

    /// <summary>PAE: four PDPTE registers and two levels of 8-byte entries.</summary>
    Pae,

    FourLevel,

    FiveLevel,
}

/// <summary>One entry of a guest page table.</summary>
/// <param name="Gpa">Where it is in memory.</param>
/// <param name="Level">The level of its table, 1 for entries that map 4 KiB.</param>
/// <param name="Gva">The first address it translates.</param>
public readonly record struct EntryPlace(Gpa Gpa, int Level, ulong Gva);

/// <summary>A present leaf entry and its place.</summary>
public readonly record struct MappedEntry(EntryPlace Place, Gpte Entry);

/// <summary>A page table of an address space, and the entry that leads to it.</summary>
internal readonly record struct LinkedTable(Gfn Gfn, EntryPlace Parent);
