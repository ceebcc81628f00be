using Replay.Trace;

namespace Replay.Recorder.Synthetic.Machine;

/// <summary>What programs ask of the kernel for their memory: map, unmap, protect, fork, exit. All run in the kernel (CPL 0).</summary>
public sealed class AreaOperations
{
    /// <summary>Pages up to which single flushes are cheaper than a CR3 load.</summary>
    private const int SingleFlushLimit = 33;

    private readonly GuestKernel _kernel;

    internal AreaOperations(GuestKernel kernel) => _kernel = kernel;

    private GuestPageTables Tables => _kernel.Tables;

    /// <summary>The flags of a leaf entry of an area, without PS.</summary>
    public ulong LeafFlags(MemoryArea area)
    {
        var flags = Gpte.PresentMask | Gpte.UserMask;
        if (area.Writable)
            flags |= Gpte.WritableMask;
        if (!area.Executable && _kernel.Format.EntryBytes == 8)
            flags |= Gpte.NoExecuteMask;
        return flags;
    }

    /// <summary>A new area; its pages are mapped when they are touched.</summary>
    public MemoryArea Map(Vcpu vcpu, AddressSpace space, ulong bytes, bool writable = true, int pageLevel = 1)
    {
        _kernel.Memory.Enter(vcpu, KernelFunction.Map);
        var start = space.Reserve(bytes, Math.Max(_kernel.Format.Span(pageLevel), 4096));
        var area = new MemoryArea { Start = start, Bytes = bytes, Writable = writable, PageLevel = pageLevel };
        space.Areas.Add(area);
        return area;
    }

    /// <summary>Maps a whole area at once, with pages of the area's level, on consecutive addresses.</summary>
    public void Populate(Vcpu vcpu, AddressSpace space, MemoryArea area, Gpa first, ulong furtherFlags = 0)
    {
        _kernel.Memory.Enter(vcpu, KernelFunction.Map);
        var level = area.PageLevel;
        var span = _kernel.Format.Span(level);
        var flags = LeafFlags(area) | (level > 1 ? Gpte.LargeMask : 0) | furtherFlags;
        EntryPlace? last = null;
        for (var at = 0UL; at < area.Bytes; at += span)
        {
            last = PlaceAfter(vcpu, space, new EntryPlace(default, level, area.Start + at), last);
            Tables.Write(vcpu, space, last.Value, new Gpte((first.Value + at) | flags));
        }
    }

    /// <summary>Removes an area: its entries are cleared, tables that served only it are freed.</summary>
    public void Unmap(Vcpu vcpu, AddressSpace space, MemoryArea area)
    {
        Remove(vcpu, space, area);
        space.Areas.Remove(area);
    }

    /// <summary>Clears the entries of an area; its next touches map new pages.</summary>
    public void Discard(Vcpu vcpu, AddressSpace space, MemoryArea area) => Remove(vcpu, space, area);

    /// <summary>Changes whether an area can be written.</summary>
    public MemoryArea Protect(Vcpu vcpu, AddressSpace space, MemoryArea area, bool writable)
    {
        _kernel.Memory.Enter(vcpu, KernelFunction.Protect);
        var changed = area with { Writable = writable };
        space.Areas[space.Areas.IndexOf(area)] = changed;
        Rewrite(vcpu, space, area, entry => writable
            ? entry.IsCopyOnWrite ? entry : entry.With(Gpte.WritableMask)
            : entry.Without(Gpte.WritableMask));
        return changed;
    }

    /// <summary>Clears the accessed bits of an area, as page reclaim does to learn what is in use.</summary>
    public void ClearAccessed(Vcpu vcpu, AddressSpace space, MemoryArea area)
    {
        _kernel.Memory.Enter(vcpu, KernelFunction.Age);
        Rewrite(vcpu, space, area, entry => entry.Without(Gpte.AccessedMask));
    }

    /// <summary>Clears the dirty bits of an area, as writeback does.</summary>
    public void ClearDirty(Vcpu vcpu, AddressSpace space, MemoryArea area)
    {
        _kernel.Memory.Enter(vcpu, KernelFunction.Age);
        Rewrite(vcpu, space, area, entry => entry.Without(Gpte.DirtyMask));
    }

    /// <summary>
    /// Copies a space: what can be written is made read-only on both sides and copied by the first write of either.
    /// </summary>
    public AddressSpace Fork(Vcpu vcpu, AddressSpace parent)
    {
        _kernel.Memory.Enter(vcpu, KernelFunction.Fork);
        var child = _kernel.CreateSpaceLike(vcpu, parent);
        var changed = false;
        foreach (var area in parent.Areas)
        {
            EntryPlace? last = null;
            foreach (var mapped in Tables.Leaves(vcpu, parent, area.Start, area.End))
            {
                var entry = mapped.Entry;
                if (entry.IsWritable)
                {
                    entry = entry.Without(Gpte.WritableMask).With(Gpte.CopyOnWriteMask);
                    Tables.Write(vcpu, parent, mapped.Place, entry);
                    changed = true;
                }
                last = PlaceAfter(vcpu, child, mapped.Place, last);
                Tables.Write(vcpu, child, last.Value, entry.Without(Gpte.AccessedMask | Gpte.DirtyMask));
                _kernel.Frames.Share(new Gfn(Tables.Target(entry).PageNumber));
            }
        }
        if (changed)
            _kernel.Tlb.FlushSpace(vcpu, parent);
        return child;
    }

    /// <summary>Frees a space with all it maps; vCPUs that run it go over to the kernel's.</summary>
    public void Exit(Vcpu vcpu, AddressSpace space)
    {
        _kernel.Memory.Enter(vcpu, KernelFunction.Exit);
        foreach (var area in space.Areas)
            ClearLeaves(vcpu, space, area, free: null);
        _kernel.Memory.Enter(vcpu, KernelFunction.FreeTables);
        for (var i = space.Tables.Count - 1; i >= 0; i--)
        {
            Tables.Write(vcpu, space, space.Tables[i].Parent, default);
            _kernel.Frames.Free(space.Tables[i].Gfn);
        }
        if (ReferenceEquals(_kernel.Tlb.Loaded(vcpu), space))
            _kernel.SwitchTo(vcpu, _kernel.KernelSpace);
        _kernel.Tlb.Forget(space);
        _kernel.Frames.Free(space.Root);
        space.Areas.Clear();
        space.Tables.Clear();
    }

    // The entry for the address of place; its table needs no new walk where the last entry stood in the same one.
    private EntryPlace PlaceAfter(Vcpu vcpu, AddressSpace space, EntryPlace place, EntryPlace? last)
    {
        var span = _kernel.Format.Span(place.Level + 1);
        if (last is not { } known || known.Level != place.Level || known.Gva / span != place.Gva / span)
            return Tables.Ensure(vcpu, space, place.Gva, place.Level);
        return Tables.PlaceIn(new Gpa(known.Gpa.Value & ~0xfffUL), place.Gva, place.Level);
    }

    private void Remove(Vcpu vcpu, AddressSpace space, MemoryArea area)
    {
        _kernel.Memory.Enter(vcpu, KernelFunction.Unmap);
        var freed = new List<MappedEntry>();
        ClearLeaves(vcpu, space, area, freed);
        var tables = TablesInside(space, area);
        foreach (var table in tables)
        {
            Tables.Write(vcpu, space, table.Parent, default);
            space.Tables.Remove(table);
        }
        if (tables.Count > 0)
            _kernel.Tlb.FlushSpace(vcpu, space);
        else
            Flush(vcpu, space, freed);
        foreach (var mapped in freed)
            FreePage(mapped);
        foreach (var table in tables)
            _kernel.Frames.Free(table.Gfn);
    }

    private void ClearLeaves(Vcpu vcpu, AddressSpace space, MemoryArea area, List<MappedEntry>? free)
    {
        foreach (var mapped in Tables.Leaves(vcpu, space, area.Start, area.End))
        {
            Tables.Write(vcpu, space, mapped.Place, default);
            if (free is null)
                FreePage(mapped);
            else
                free.Add(mapped);
        }
    }

    private void FreePage(MappedEntry mapped)
    {
        var gfn = new Gfn(Tables.Target(mapped.Entry).PageNumber);
        if (mapped.Place.Level == 1)
            _kernel.Frames.Free(gfn);
        else
            _kernel.Frames.FreeRun(gfn, _kernel.Format.Span(mapped.Place.Level));
    }

    // Children come after their parents in the list, so they are returned first. The directories of PAE stay.
    private List<LinkedTable> TablesInside(AddressSpace space, MemoryArea area)
    {
        var inside = new List<LinkedTable>();
        for (var i = space.Tables.Count - 1; i >= 0; i--)
        {
            var parent = space.Tables[i].Parent;
            var isPaeDirectory = _kernel.Format.Mode == SyntheticPaging.Pae && parent.Level == 3;
            if (!isPaeDirectory && parent.Gva >= area.Start && parent.Gva + _kernel.Format.Span(parent.Level) <= area.End)
                inside.Add(space.Tables[i]);
        }
        return inside;
    }

    private void Rewrite(Vcpu vcpu, AddressSpace space, MemoryArea area, Func<Gpte, Gpte> change)
    {
        var changed = new List<MappedEntry>();
        foreach (var mapped in Tables.Leaves(vcpu, space, area.Start, area.End))
        {
            var entry = change(mapped.Entry);
            if (entry == mapped.Entry)
                continue;
            Tables.Write(vcpu, space, mapped.Place, entry);
            changed.Add(mapped);
        }
        Flush(vcpu, space, changed);
    }

    private void Flush(Vcpu vcpu, AddressSpace space, List<MappedEntry> changed)
    {
        if (changed.Count > SingleFlushLimit)
        {
            _kernel.Tlb.FlushSpace(vcpu, space);
            return;
        }
        foreach (var mapped in changed)
            _kernel.Tlb.FlushPage(vcpu, space, mapped.Place.Gva);
    }
}
