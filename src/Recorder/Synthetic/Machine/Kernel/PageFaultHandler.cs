using Replay.Trace;

namespace Replay.Recorder.Synthetic.Machine;

/// <summary>What the kernel does about a #PF: map an untouched page, copy one that is shared, or refuse.</summary>
internal sealed class PageFaultHandler
{
    private readonly GuestKernel _kernel;
    private readonly ExceptionDelivery _delivery;
    private Gfn? _zeroPage;

    public PageFaultHandler(GuestKernel kernel, ExceptionDelivery delivery)
    {
        _kernel = kernel;
        _delivery = delivery;
    }

    /// <summary>Handles the fault that the vCPU's last access met; false where the program may not do this.</summary>
    public bool Handle(Vcpu vcpu)
    {
        var memory = _kernel.Memory;
        var (gva, error) = (vcpu.Cr2, vcpu.FaultError);
        var program = _delivery.DeliverPageFault(vcpu);
        memory.Enter(vcpu, KernelFunction.PageFaultEntry);
        memory.Touch(vcpu, AccessKind.Write, vcpu.Stack - 64, 64);
        memory.Touch(vcpu, AccessKind.Read, _kernel.Layout.VcpuVariables(vcpu.Index), 8);
        memory.Enter(vcpu, KernelFunction.HandleFault);
        var resolved = _kernel.Tlb.Loaded(vcpu) is { } space && Resolve(vcpu, space, gva, error);
        memory.Enter(vcpu, KernelFunction.PageFaultEntry);
        memory.Touch(vcpu, AccessKind.Read, vcpu.Stack - 64, 64);
        _delivery.Return(vcpu, program);
        return resolved;
    }

    private bool Resolve(Vcpu vcpu, AddressSpace space, ulong gva, PageFaultError error)
    {
        if (space.Find(gva) is not { } area || !Allows(area, error))
            return false;
        if (error.HasFlag(PageFaultError.Reserved) || error.HasFlag(PageFaultError.ProtectionKey))
            return false;
        if (!error.HasFlag(PageFaultError.Present))
        {
            MapPage(vcpu, space, area, gva, error.HasFlag(PageFaultError.Write));
            return true;
        }
        return error.HasFlag(PageFaultError.Write) && BreakSharing(vcpu, space, gva);
    }

    private static bool Allows(MemoryArea area, PageFaultError error)
        => (area.Writable || !error.HasFlag(PageFaultError.Write)) && (area.Executable || !error.HasFlag(PageFaultError.Fetch));

    private void MapPage(Vcpu vcpu, AddressSpace space, MemoryArea area, ulong gva, bool isWrite)
    {
        _kernel.Memory.Enter(vcpu, KernelFunction.MapAnonymousPage);
        if (area.PageLevel > 1 && _kernel.LargePages.TryMap(vcpu, space, area, gva))
            return;
        var place = _kernel.Tables.Ensure(vcpu, space, gva, level: 1);
        var flags = _kernel.Areas.LeafFlags(area);
        if (!isWrite && area.Writable && _kernel.Options.ZeroPage)
        {
            var zero = ZeroPage(vcpu);
            _kernel.Frames.Share(zero);
            var readOnly = (flags & ~Gpte.WritableMask) | Gpte.CopyOnWriteMask;
            _kernel.Tables.Write(vcpu, space, place, new Gpte(zero.Base.Value | readOnly));
            return;
        }
        var gfn = _kernel.Frames.Allocate();
        _kernel.Memory.ClearPage(vcpu, gfn);
        _kernel.Tables.Write(vcpu, space, place, new Gpte(gfn.Base.Value | flags));
    }

    private bool BreakSharing(Vcpu vcpu, AddressSpace space, ulong gva)
    {
        if (_kernel.Tables.Find(vcpu, space, gva) is not { } found || !found.Entry.IsCopyOnWrite)
            return false;
        _kernel.Memory.Enter(vcpu, KernelFunction.CopyOnWrite);
        if (found.Place.Level > 1)
        {
            _kernel.LargePages.BreakSharing(vcpu, space, found);
            return true;
        }
        var entry = found.Entry.Without(Gpte.CopyOnWriteMask).With(Gpte.WritableMask | Gpte.DirtyMask);
        var shared = new Gfn(_kernel.Tables.Target(found.Entry).PageNumber);
        if (_kernel.Frames.IsShared(shared))
        {
            var copy = _kernel.Frames.Allocate();
            _kernel.Memory.CopyPage(vcpu, shared, copy);
            entry = new Gpte((entry.Raw & ~_kernel.Format.AddressMask) | copy.Base.Value);
            // As the manuals advise for a change of frame: not present, flush, then the new entry.
            _kernel.Tables.Write(vcpu, space, found.Place, default);
            _kernel.Tlb.FlushPage(vcpu, space, found.Place.Gva);
            _kernel.Frames.Free(shared);
        }
        _kernel.Tables.Write(vcpu, space, found.Place, entry);
        _kernel.Tlb.FlushPage(vcpu, space, found.Place.Gva);
        return true;
    }

    private Gfn ZeroPage(Vcpu vcpu)
    {
        if (_zeroPage is { } page)
            return page;
        // The first user of the page is the kernel, which never lets go.
        var gfn = _kernel.Frames.Allocate();
        _kernel.Memory.ClearPage(vcpu, gfn);
        _zeroPage = gfn;
        return gfn;
    }
}
