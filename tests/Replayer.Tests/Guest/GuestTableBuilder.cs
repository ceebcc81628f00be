using Replay.Replayer.Guest;
using Replay.Trace;

namespace Replay.Replayer.Tests.Guest;

/// <summary>Builds a guest's page tables in guest memory, entry by entry, and sets the registers that go with them.</summary>
internal sealed class GuestTableBuilder
{
    public const ulong P = 1;
    public const ulong W = 2;
    public const ulong U = 4;
    public const ulong A = 0x20;
    public const ulong D = 0x40;
    public const ulong PS = 0x80;
    public const ulong NX = 1UL << 63;

    private readonly Dictionary<(ulong Table, int Index), ulong> _children = [];
    private ulong _nextTable;

    public GuestTableBuilder(PagingMode mode, ulong firstTable = 0x10_0000, GuestMemory? memory = null, ControlRegisters? registers = null)
    {
        Mode = mode;
        Memory = memory ?? new GuestMemory();
        Registers = registers ?? new ControlRegisters();
        _nextTable = firstTable;
        if (mode == PagingMode.None)
            return;
        Root = NewTable();
        Registers.Cr0 = ControlBits.Cr0Pe | ControlBits.Cr0Pg | ControlBits.Cr0Wp;
        Registers.Cr3 = Root;
        Registers.Cr4 = mode switch
        {
            PagingMode.Bits32 => ControlBits.Cr4Pse,
            PagingMode.Level5 => ControlBits.Cr4Pae | ControlBits.Cr4La57,
            _ => ControlBits.Cr4Pae,
        };
        Registers.Efer = mode is PagingMode.Level4 or PagingMode.Level5
            ? ControlBits.EferLme | ControlBits.EferLma | ControlBits.EferNxe
            : mode == PagingMode.Pae ? ControlBits.EferNxe : 0;
    }

    public PagingMode Mode { get; }

    public GuestMemory Memory { get; }

    public ControlRegisters Registers { get; }

    public ulong Root { get; }

    public int Levels => Mode switch
    {
        PagingMode.None => 0,
        PagingMode.Bits32 => 2,
        PagingMode.Pae => 3,
        PagingMode.Level4 => 4,
        _ => 5,
    };

    private int EntrySize => Mode == PagingMode.Bits32 ? 4 : 8;

    private int IndexBits => Mode == PagingMode.Bits32 ? 10 : 9;

    /// <summary>Writes an entry at a level of the path to <paramref name="gva"/>, making the tables above it as needed.</summary>
    public GuestTableBuilder Map(ulong gva, ulong entry, int level = 1, ulong above = P | W | U)
    {
        var table = Root;
        for (var at = Levels; at > level; at--)
            table = ChildTable(table, Index(gva, at), Mode == PagingMode.Pae && at == 3 ? P : above);
        Store(table + (ulong)(Index(gva, level) * EntrySize), entry);
        LoadPdptes();
        return this;
    }

    /// <summary>Where the entry for <paramref name="gva"/> at a level stands; its table must have been made.</summary>
    public ulong EntryAddress(ulong gva, int level = 1)
    {
        var table = Root;
        for (var at = Levels; at > level; at--)
            table = _children[(table, Index(gva, at))];
        return table + (ulong)(Index(gva, level) * EntrySize);
    }

    public ulong Entry(ulong gva, int level = 1)
    {
        var address = EntryAddress(gva, level);
        if (EntrySize == 8)
            return Memory.TryRead64(address, out var entry) ? entry : throw new InvalidOperationException();
        return Memory.TryRead32(address, out var low) ? low : throw new InvalidOperationException();
    }

    /// <summary>What MOV to CR3 does in PAE mode.</summary>
    public void LoadPdptes()
    {
        for (var i = 0; Mode == PagingMode.Pae && i < 4; i++)
            Registers.LoadPdpte(i, Memory.TryRead64(Root + ((ulong)i * 8), out var pdpte) ? pdpte : 0);
    }

    public PagingRules Rules(int physicalAddressBits = 40) => PagingRules.ForGuest(Registers, physicalAddressBits);

    private int Index(ulong gva, int level) => (int)(gva >> (12 + (IndexBits * (level - 1))) & ((1UL << IndexBits) - 1));

    private ulong ChildTable(ulong table, int index, ulong flags)
    {
        if (!_children.TryGetValue((table, index), out var child))
        {
            child = NewTable();
            _children.Add((table, index), child);
        }

        var address = table + (ulong)(index * EntrySize);
        Store(address, child | flags);
        return child;
    }

    private ulong NewTable()
    {
        var table = _nextTable;
        _nextTable += 0x1000;
        Memory.SetPage(table >> 12, []);
        return table;
    }

    private void Store(ulong address, ulong entry) => Memory.Store(address, entry, EntrySize);
}
