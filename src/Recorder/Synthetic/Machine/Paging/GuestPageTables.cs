using Replay.Trace;

namespace Replay.Recorder.Synthetic.Machine;

/// <summary>
/// The kernel's page-table code: it finds entries as a kernel does, reading table after table, and stores to them. Whoever changes a
/// present entry flushes: that is the caller's affair.
/// </summary>
public sealed class GuestPageTables
{
    private readonly GuestMachine _machine;
    private readonly KernelMemory _memory;
    private readonly FrameAllocator _frames;
    private readonly SelfMap? _selfMap;

    internal GuestPageTables(GuestMachine machine, KernelMemory memory, FrameAllocator frames, PagingFormat format, SelfMap? selfMap)
    {
        _machine = machine;
        _memory = memory;
        _frames = frames;
        _selfMap = selfMap;
        Format = format;
    }

    public PagingFormat Format { get; }

    /// <summary>The flags of an entry that leads to a table.</summary>
    public ulong TableFlags(ulong gva, int parentLevel)
    {
        // The PDPTEs of PAE have no rights of their own, their bits are reserved.
        if (Format.Mode == SyntheticPaging.Pae && parentLevel == 3)
            return Gpte.PresentMask;
        var flags = Gpte.PresentMask | Gpte.WritableMask;
        return Format.Canonical(gva) < UserLimit ? flags | Gpte.UserMask : flags;
    }

    /// <summary>The place of the entry of <paramref name="level"/> that translates an address; tables that miss on the way are made.</summary>
    public EntryPlace Ensure(Vcpu vcpu, AddressSpace space, ulong gva, int level)
    {
        var table = space.Root.Base;
        for (var at = Format.Levels; at > level; at--)
        {
            var place = PlaceIn(table, gva, at);
            var entry = Read(vcpu, space, place);
            table = entry.IsPresent ? Target(entry) : MakeTable(vcpu, space, place).Base;
        }
        return PlaceIn(table, gva, level);
    }

    /// <summary>The entry that maps an address, 4 KiB or large; null where a table misses. The entry itself may not be present.</summary>
    public MappedEntry? Find(Vcpu vcpu, AddressSpace space, ulong gva)
    {
        var table = space.Root.Base;
        for (var level = Format.Levels; ; level--)
        {
            var place = PlaceIn(table, gva, level);
            var entry = Read(vcpu, space, place);
            if (level == 1 || (entry.IsPresent && entry.IsLarge && Format.CanMapLarge(level)))
                return new MappedEntry(place, entry);
            if (!entry.IsPresent)
                return null;
            table = Target(entry);
        }
    }

    /// <summary>The present leaf entries of a range, read table by table.</summary>
    public IEnumerable<MappedEntry> Leaves(Vcpu vcpu, AddressSpace space, ulong start, ulong end)
    {
        for (var gva = start; gva < end;)
        {
            var found = Find(vcpu, space, gva);
            if (found is not { } first)
            {
                gva = NextBoundary(gva, 2);
                continue;
            }
            if (first.Place.Level > 1)
            {
                yield return first;
                gva = NextBoundary(gva, first.Place.Level);
                continue;
            }
            var tableEnd = Math.Min(NextBoundary(gva, 2), end);
            for (var place = first.Place; gva < tableEnd; gva += 4096)
            {
                var entry = gva == first.Place.Gva ? first.Entry : Read(vcpu, space, place);
                if (entry.IsPresent)
                    yield return new MappedEntry(place, entry);
                place = new EntryPlace(new Gpa(place.Gpa.Value + (ulong)Format.EntryBytes), 1, gva + 4096);
            }
        }
    }

    public Gpte Read(Vcpu vcpu, AddressSpace space, EntryPlace place)
        => new(_memory.Load(vcpu, AddressOf(vcpu, space, place), Format.EntryBytes));

    /// <summary>Stores an entry: at once, or in two halves under PAE, in the order that never shows a wrong present entry.</summary>
    public void Write(Vcpu vcpu, AddressSpace space, EntryPlace place, Gpte entry)
    {
        var gva = AddressOf(vcpu, space, place);
        if (Format.Mode != SyntheticPaging.Pae)
        {
            _memory.Store(vcpu, gva, Format.EntryBytes, entry.Raw);
            return;
        }
        var low = (gva, entry.Raw & 0xffff_ffff);
        var high = (gva + 4, entry.Raw >> 32);
        var (first, second) = entry.IsPresent ? (high, low) : (low, high);
        _memory.Store(vcpu, first.Item1, 4, first.Item2);
        _memory.Store(vcpu, second.Item1, 4, second.Item2);
    }

    /// <summary>The physical address an entry points at, a table's or a page's.</summary>
    public Gpa Target(Gpte entry) => new(entry.Raw & Format.AddressMask);

    public EntryPlace PlaceIn(Gpa table, ulong gva, int level)
    {
        var entry = table.Value + (ulong)(Format.Index(gva, level) * Format.EntryBytes);
        return new EntryPlace(new Gpa(entry), level, Format.Canonical(gva & ~(Format.Span(level) - 1)));
    }

    /// <summary>Makes an empty table and links it; the entry must not be present.</summary>
    internal Gfn MakeTable(Vcpu vcpu, AddressSpace space, EntryPlace parent)
    {
        var gfn = AllocateTable(vcpu);
        Link(vcpu, space, parent, gfn);
        return gfn;
    }

    internal void Link(Vcpu vcpu, AddressSpace space, EntryPlace parent, Gfn table)
    {
        Write(vcpu, space, parent, new Gpte(table.Base.Value | TableFlags(parent.Gva, parent.Level)));
        space.Tables.Add(new LinkedTable(table, parent));
    }

    /// <summary>An empty page for a table that no entry leads to yet.</summary>
    internal Gfn AllocateTable(Vcpu vcpu)
    {
        var back = vcpu.Rip;
        _memory.Enter(vcpu, KernelFunction.AllocateTable);
        var gfn = _frames.Allocate();
        _memory.ClearPage(vcpu, gfn);
        _memory.Jump(vcpu, back);
        return gfn;
    }

    private ulong UserLimit => GuestLayout.Of(Format.Mode).UserTop;

    private ulong NextBoundary(ulong gva, int level) => (gva | (Format.Span(level) - 1)) + 1;

    private ulong AddressOf(Vcpu vcpu, AddressSpace space, EntryPlace place)
    {
        var isLoaded = vcpu.Format.Mode != SyntheticPaging.Off && (vcpu.Cr3 & PageWalker.Cr3AddressMask) == space.Root.Base.Value;
        return _selfMap is { } map && isLoaded
            ? map.AddressOf(place)
            : _memory.AddressOf(vcpu, place.Gpa);
    }
}
