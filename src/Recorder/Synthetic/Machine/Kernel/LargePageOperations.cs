using Replay.Trace;

namespace Replay.Recorder.Synthetic.Machine;

/// <summary>Large guest pages: mapped on a touch, split into small ones, collapsed out of small ones, copied after a fork.</summary>
public sealed class LargePageOperations
{
    private readonly GuestKernel _kernel;

    internal LargePageOperations(GuestKernel kernel) => _kernel = kernel;

    private GuestPageTables Tables => _kernel.Tables;

    /// <summary>Turns a large page into a table of entries for the same memory, one level down. False where there is none.</summary>
    public bool TrySplit(Vcpu vcpu, AddressSpace space, ulong gva)
    {
        if (Tables.Find(vcpu, space, gva) is not { } found || !found.Entry.IsPresent || found.Place.Level == 1)
            return false;
        _kernel.Memory.Enter(vcpu, KernelFunction.SplitLargePage);
        var level = found.Place.Level - 1;
        var span = _kernel.Format.Span(level);
        var table = Tables.AllocateTable(vcpu);
        var first = Tables.Target(found.Entry).Value;
        var flags = found.Entry.Raw & ~_kernel.Format.AddressMask;
        if (level == 1)
            flags &= ~Gpte.LargeMask;
        for (var i = 0; i < _kernel.Format.Entries(level); i++)
        {
            var place = Tables.PlaceIn(table.Base, found.Place.Gva + ((ulong)i * span), level);
            Tables.Write(vcpu, space, place, new Gpte((first + ((ulong)i * span)) | flags));
        }
        Replace(vcpu, space, found.Place);
        Tables.Link(vcpu, space, found.Place, table);
        return true;
    }

    /// <summary>
    /// Copies the small pages around an address into one large page, as khugepaged does. False where the area does not reach or
    /// nothing small is mapped there.
    /// </summary>
    public bool TryCollapse(Vcpu vcpu, AddressSpace space, ulong gva)
    {
        var span = _kernel.Format.Span(2);
        var start = gva & ~(span - 1);
        if (space.Find(start) is not { } area || start + span > area.End)
            return false;
        var small = new List<MappedEntry>(Tables.Leaves(vcpu, space, start, start + span));
        var index = space.Tables.FindIndex(table => table.Parent.Level == 2 && table.Parent.Gva == start);
        if (small.Count == 0 || index < 0)
            return false;

        _kernel.Memory.Enter(vcpu, KernelFunction.CollapsePage);
        var old = space.Tables[index];
        Replace(vcpu, space, old.Parent);
        space.Tables.RemoveAt(index);
        var run = _kernel.Frames.AllocateRun(span);
        _kernel.Memory.ClearRun(vcpu, run, span);
        foreach (var mapped in small)
        {
            var from = new Gfn(Tables.Target(mapped.Entry).PageNumber);
            _kernel.Memory.CopyPage(vcpu, from, new Gfn(run.Value + ((mapped.Place.Gva - start) >> 12)));
            _kernel.Frames.Free(from);
        }
        _kernel.Frames.Free(old.Gfn);
        Tables.Write(vcpu, space, old.Parent, Leaf(run, area));
        return true;
    }

    /// <summary>Maps the large page around a touched address, if its area reaches that far and no table is in the way.</summary>
    internal bool TryMap(Vcpu vcpu, AddressSpace space, MemoryArea area, ulong gva)
    {
        var span = _kernel.Format.Span(area.PageLevel);
        var start = gva & ~(span - 1);
        if (start < area.Start || start + span > area.End)
            return false;
        var place = Tables.Ensure(vcpu, space, start, area.PageLevel);
        if (Tables.Read(vcpu, space, place).IsPresent)
            return false;
        var run = _kernel.Frames.AllocateRun(span);
        _kernel.Memory.ClearRun(vcpu, run, span);
        Tables.Write(vcpu, space, place, Leaf(run, area));
        return true;
    }

    internal void BreakSharing(Vcpu vcpu, AddressSpace space, MappedEntry found)
    {
        var entry = found.Entry.Without(Gpte.CopyOnWriteMask).With(Gpte.WritableMask | Gpte.DirtyMask);
        var shared = new Gfn(Tables.Target(found.Entry).PageNumber);
        if (_kernel.Frames.IsShared(shared))
        {
            var span = _kernel.Format.Span(found.Place.Level);
            var copy = _kernel.Frames.AllocateRun(span);
            _kernel.Memory.ClearRun(vcpu, copy, span);
            Replace(vcpu, space, found.Place);
            entry = new Gpte((entry.Raw & ~_kernel.Format.AddressMask) | copy.Base.Value);
            _kernel.Frames.FreeRun(shared, span);
        }
        Tables.Write(vcpu, space, found.Place, entry);
        _kernel.Tlb.FlushPage(vcpu, space, found.Place.Gva);
    }

    private Gpte Leaf(Gfn run, MemoryArea area)
        => new(run.Base.Value | _kernel.Areas.LeafFlags(area) | Gpte.LargeMask);

    // An entry of another page size must not be seen beside the old one: not present and flushed in between.
    private void Replace(Vcpu vcpu, AddressSpace space, EntryPlace place)
    {
        Tables.Write(vcpu, space, place, default);
        _kernel.Tlb.FlushSpace(vcpu, space);
    }
}
