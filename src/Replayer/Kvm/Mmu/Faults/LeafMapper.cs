using System.Runtime.CompilerServices;
using Replay.Replayer.History;
using Replay.Replayer.Kvm.Host;

namespace Replay.Replayer.Kvm.Mmu;

/// <summary>Puts a mapping in place.</summary>
internal sealed class LeafMapper(KvmVm vm, SpteMaker maker, SpteStore sptes, Rmap rmap, ParentPtes parents)
{
    /// <summary>Maps what a fault asked for.</summary>
    /// <remarks>KVM: mmu_set_spte() with a fault.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public RetPf Map(PageFault fault, Sptep entry, PteAccess access, ulong gfn)
    {
        using var scope = vm.Journal.Enter(KvmFunction.MmuSetSpte);
        var flush = MakeRoom(entry, fault.PfnKind == HostPfnKind.Valid ? fault.Pfn : null, out var wasRmapped);
        if (fault.PfnKind == HostPfnKind.NoSlot)
        {
            vm.Stats.PfMmioSpteCreated++;
            MarkMmio(entry, gfn, access);
            if (flush)
                vm.Tlb.FlushRemoteWithAddress(gfn, PageLevels.PagesPerHugePage(entry.Level));
            return RetPf.Emulate;
        }

        fault.MappedLevel = entry.Level;
        var request = new Request(fault.Slot!, access, gfn, fault.Pfn, fault.MapWritable, Prefetch: false);
        var outcome = Store(entry, request, flush, wasRmapped, out var writeProtected);
        return writeProtected && fault.Write ? vm.WriteProtectedOutcome : outcome;
    }

    /// <summary>Maps what nobody asked for yet. The frame is writable.</summary>
    /// <remarks>KVM: mmu_set_spte() without a fault.</remarks>
    public void Prefetch(Memslot slot, Sptep entry, PteAccess access, ulong gfn, ulong pfn)
    {
        using var scope = vm.Journal.Enter(KvmFunction.MmuSetSpte);
        var flush = MakeRoom(entry, pfn, out var wasRmapped);
        Store(entry, new Request(slot, access, gfn, pfn, HostWritable: true, Prefetch: true), flush, wasRmapped, out _);
    }

    /// <remarks>KVM: mark_mmio_spte().</remarks>
    public void MarkMmio(Sptep entry, ulong gfn, PteAccess access)
    {
        using var scope = vm.Journal.Enter(KvmFunction.MarkMmioSpte);
        var spte = vm.Format.MakeMmio(gfn, access, vm.MmioGeneration);
        sptes.Set(entry, spte, gfn, Tracepoint.MarkMmioSpte);
    }

    /// <summary>Takes away what is in the entry, unless it maps the same frame.</summary>
    /// <returns>TLBs must be flushed.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool MakeRoom(Sptep entry, ulong? pfn, out bool wasRmapped)
    {
        wasRmapped = false;
        var old = entry.Value;
        if (!old.IsShadowPresent)
            return false;
        if (entry.Level > PgLevel.Size4K && !old.IsLarge)
        {
            parents.Drop(vm.Pages.ChildOf(old), entry);
            return true;
        }

        if (old.Pfn != pfn)
        {
            rmap.DropSpte(entry);
            return true;
        }

        wasRmapped = true;
        return false;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private RetPf Store(Sptep entry, in Request request, bool flush, bool wasRmapped, out bool writeProtected)
    {
        var old = entry.Value;
        writeProtected = maker.Make(
            entry.Page, request.Slot, request.Access, request.Gfn, request.Pfn, old, request.Prefetch, canUnsync: true, request.HostWritable, out var made);
        var outcome = RetPf.Spurious;
        if (old != made)
        {
            outcome = RetPf.Fixed;
            flush |= sptes.Update(entry, made, request.Gfn, Tracepoint.KvmMmuSetSpte);
        }

        if (flush)
            vm.Tlb.FlushRemoteWithAddress(request.Gfn, PageLevels.PagesPerHugePage(entry.Level));
        if (wasRmapped)
            entry.Page.SetTranslation(entry.Index, entry.Gfn, request.Access);
        else
            rmap.Add(request.Slot, entry, request.Gfn, request.Access);
        return outcome;
    }

    private readonly record struct Request(Memslot Slot, PteAccess Access, ulong Gfn, ulong Pfn, bool HostWritable, bool Prefetch);
}
