using Replay.Analyzer.Store;
using Replay.Replayer.History;

namespace Replay.Analyzer.Observed;

/// <summary>One page of KVM's tables, as far as the trace shows it.</summary>
internal sealed class ObservedPage(int tableId, int level, ulong gfn, bool twoDimensional)
{
    private const int Entries = 512;
    private const uint DirectBit = 1U << 7;
    private const uint Cr0WpBit = 1U << 13;
    private const uint GuestModeBit = 1U << 17;

    private ulong[]? _values;
    private ulong[]? _gfns;

    public int TableId { get; } = tableId;

    public int Level { get; } = level;

    /// <summary>First frame that it translates (direct) or the guest table that it shadows; <see cref="Unseen.Word"/>: not shown.</summary>
    public ulong Gfn { get; } = gfn;

    public ulong Pfn { get; set; } = Unseen.Word;

    public uint Role { get; set; }

    /// <summary>Bits of the role word that are known.</summary>
    public uint RoleMask { get; set; }

    public bool IsTdp { get; init; }

    /// <summary>Which guest the thread ran that made it.</summary>
    public GuestContext MadeFor { get; init; } = GuestContext.Unknown;

    /// <summary>Whose translations it holds. guest_mmu's roles never have cr0_wp, those of root_mmu with EPT and NPT always.</summary>
    public GuestContext Context => (RoleMask & GuestModeBit) == 0 ? MadeFor
        : (Role & GuestModeBit) == 0 ? GuestContext.L1
        : twoDimensional && (RoleMask & Cr0WpBit) == 0 ? GuestContext.SomeL2
        : twoDimensional && (Role & Cr0WpBit) == 0 ? GuestContext.NestedL2
        : GuestContext.L2;

    /// <summary>The trace shows how it was made: all its entries were 0 then.</summary>
    public bool IsMadeInTrace { get; init; }

    public bool IsZapped { get; set; }

    /// <summary>Entry follows entry as frame follows frame. Pages of the TDP MMU all do, also those that were there before the trace.</summary>
    public bool IsDirect => IsTdp || (RoleMask & Role & DirectBit) != 0;

    /// <summary>The value of an entry as the writes so far leave it; <see cref="Unseen.Word"/>: not known.</summary>
    public ulong Value(int index) => _values is null ? IsMadeInTrace ? 0 : Unseen.Word : _values[index];

    public void SetValue(int index, ulong value)
    {
        if (_values is null)
        {
            _values = new ulong[Entries];
            if (!IsMadeInTrace)
                Array.Fill(_values, Unseen.Word);
        }

        _values[index] = value;
    }

    /// <summary>First frame that an entry translates: from the page's own where it is direct, else as it was shown last.</summary>
    public ulong EntryGfn(int index)
    {
        if (_gfns is not null && _gfns[index] != Unseen.Word)
            return _gfns[index];
        if (IsDirect && Gfn != Unseen.Word)
            return Gfn + ((ulong)index << (9 * (Level - 1)));
        return Unseen.Word;
    }

    /// <summary>A line says what the entry translates.</summary>
    public void SetEntryGfn(int index, ulong gfn)
    {
        if (IsDirect && Gfn != Unseen.Word && EntryGfn(index) == gfn)
            return;
        if (_gfns is null)
        {
            _gfns = new ulong[Entries];
            Array.Fill(_gfns, Unseen.Word);
        }

        _gfns[index] = gfn;
    }

    /// <summary>The page is gone: what it held is of no use any more.</summary>
    public void Forget()
    {
        _values = null;
        _gfns = null;
    }
}

/// <summary>What is known of a table page by now.</summary>
/// <param name="TableId">Which page.</param>
/// <param name="Pfn">Its host frame.</param>
/// <param name="Role">Its role word.</param>
/// <param name="RoleMask">The bits of the role word that are known.</param>
/// <param name="Context">Whose translations it holds.</param>
public readonly record struct PageFacts(int TableId, ulong Pfn, uint Role, uint RoleMask, GuestContext Context);
