using Replay.Replayer.History;
using Replay.Replayer.Kvm.Mmu;
using Replay.Trace;

namespace Replay.Replayer.Kvm.Host;

/// <summary>
/// What userspace and the host do to the VM while its vCPUs are outside the guest: one method for each event of a capture. Addresses
/// are guest-physical; what is not in a memslot is no event for KVM.
/// </summary>
public sealed class HostEvents
{
    private readonly KvmVm _vm;
    private readonly DirtyLog _dirtyLog;
    private readonly Zapper _zapper;
    private readonly MmuRoots _roots;
    private readonly IHostNotifier _notifier;
    private readonly MemslotUpdater _memslots;

    internal HostEvents(KvmVm vm, ShadowMmu mmu)
    {
        _vm = vm;
        (_zapper, _roots) = (mmu.Zapper, mmu.Roots);
        _dirtyLog = new DirtyLog(vm);
        _memslots = MemslotUpdater.Of(vm, _dirtyLog, mmu);
        _notifier = HostNotifier.Of(vm, mmu.EarlyRmaps);
        vm.HostMemory.Notifier = _notifier;
    }

    /// <summary>The first vCPU is there: KVM makes its own memslots.</summary>
    internal void CreatePrivateMemslots() => PrivateMemslots.Create(_vm, _memslots);

    /// <summary>KVM_SET_USER_MEMORY_REGION.</summary>
    public MemslotResult Memslot(MemslotChange change)
    {
        ArgumentNullException.ThrowIfNull(change);
        return _memslots.Set(change);
    }

    /// <summary>Userspace writes the range, such as a program that it loads: memory that is not populated comes in there.</summary>
    public void Populate(ulong gpa, ulong length)
    {
        foreach (var (start, end) in HostRanges(gpa, length))
            _vm.HostMemory.Populate(start, end - start);
    }

    /// <summary>How the host answers if the access that comes next faults. Nothing where the host is modelled.</summary>
    public void Answer(HostAnswer answer)
    {
        ArgumentNullException.ThrowIfNull(answer);
        _vm.HostMemory.Recorded?.Take(answer);
    }

    /// <summary>The host takes a range away (it may come back with the next access).</summary>
    public void Invalidate(ulong gpa, ulong length)
    {
        _vm.HostMemory.Recorded?.Forget(gpa >> 12, gpa + length + 0xfff >> 12);
        foreach (var (start, end) in HostRanges(gpa, length))
        {
            _notifier.InvalidateRangeStart(start, end);
            _notifier.InvalidateRangeEnd(start, end);
        }
    }

    /// <summary>mprotect of the range: PROT_READ, with PROT_WRITE or without.</summary>
    public void Protect(ulong gpa, ulong length, bool writable)
    {
        foreach (var (start, end) in HostRanges(gpa, length))
        {
            _notifier.InvalidateRangeStart(start, end);
            _vm.HostMemory.Protect(start, end - start, writable);
            _notifier.InvalidateRangeEnd(start, end);
        }
    }

    /// <summary>
    /// The host maps a shared frame read-only at the page. In Linux 6.1 an invalidation surrounds this; a capture that has it shows it
    /// as an event of its own.
    /// </summary>
    public void ChangePte(ulong gpa)
    {
        foreach (var (hva, _) in HostRanges(gpa & ~0xfffUL, 4096))
        {
            if (!_vm.Kernel.HasChangePte)
            {
                _notifier.InvalidateRangeStart(hva, hva + 4096);
                _vm.HostMemory.Share(hva);
                _notifier.InvalidateRangeEnd(hva, hva + 4096);
                continue;
            }

            _vm.Invalidation.Begin();
            _notifier.ChangePte(hva, _vm.HostMemory.Share(hva), writable: false);
            _vm.Invalidation.End();
        }
    }

    /// <summary>The host asks which pages were used, and forgets it.</summary>
    /// <returns>One of the range was.</returns>
    public bool Age(ulong gpa, ulong length)
    {
        var young = false;
        foreach (var (start, end) in HostRanges(gpa, length))
            young |= _notifier.ClearYoung(start, end);
        return young;
    }

    /// <summary>Reclaim asks which pages were used: as <see cref="Age"/>, and flushes if one was.</summary>
    /// <returns>One of the range was.</returns>
    public bool Reclaim(ulong gpa, ulong length)
    {
        var young = false;
        foreach (var (start, end) in HostRanges(gpa, length))
            young |= _notifier.ClearYoung(start, end, flush: true);
        return young;
    }

    /// <summary>The 2 MiB of host memory around the page become one huge page (khugepaged).</summary>
    /// <returns>False: there is no memory, or the host would not.</returns>
    public bool Collapse(ulong gpa) => HostRanges(gpa & ~0xfffUL, 4096) is [var (hva, _)] && _vm.HostMemory.Collapse(hva);

    /// <summary>The host's huge page around the page gives way to small ones.</summary>
    /// <returns>False: there is none.</returns>
    public bool Split(ulong gpa) => HostRanges(gpa & ~0xfffUL, 4096) is [var (hva, _)] && _vm.HostMemory.Split(hva);

    /// <summary>KVM_CLEAR_DIRTY_LOG of the pages of a range that the log of the slot at its start names, from a multiple of 64 pages on.</summary>
    /// <returns>False: no slot is there, or it keeps no log.</returns>
    public bool DirtyLogClear(ulong gpa, ulong length)
    {
        if (_vm.Memslots.Find(gpa >> 12) is not { IsPrivate: false } slot)
            return false;
        foreach (var vcpu in _vm.Vcpus)
            vcpu.FlushPmlBuffer();
        var first = (gpa >> 12) - slot.BaseGfn & ~63UL;
        var end = Math.Min(gpa + length + 0xfff >> 12, slot.EndGfn) - slot.BaseGfn;
        return _dirtyLog.Clear(slot, first, end - first);
    }

    /// <summary>The host asks whether a page of the range was used.</summary>
    public bool TestAge(ulong gpa, ulong length)
    {
        var young = false;
        foreach (var (start, end) in HostRanges(gpa, length))
            young |= _notifier.TestYoung(start, end);
        return young;
    }

    /// <summary>Dirty logging of the slot that holds the gpa is switched on.</summary>
    /// <returns>There is such a slot.</returns>
    public bool DirtyLogOn(ulong gpa) => SetDirtyLog(gpa, on: true);

    /// <summary>Dirty logging of the slot that holds the gpa is switched off.</summary>
    /// <returns>There is such a slot.</returns>
    public bool DirtyLogOff(ulong gpa) => SetDirtyLog(gpa, on: false);

    /// <summary>KVM_GET_DIRTY_LOG of the slot that holds the gpa.</summary>
    /// <returns>One bit a page, 64 pages a word; null where no slot is or it keeps no log.</returns>
    public ulong[]? DirtyLogGet(ulong gpa)
    {
        if (_vm.Memslots.Find(gpa >> 12) is not { IsPrivate: false } slot)
            return null;
        foreach (var vcpu in _vm.Vcpus)
            vcpu.FlushPmlBuffer();
        return _dirtyLog.Get(slot);
    }

    /// <summary>The thread that gives executable huge pages another chance runs once.</summary>
    public void RecoverNxHugePages() => NxHugePageRecovery.Run(_vm, _zapper);

    /// <summary>The VM ends: its process goes, then its vCPUs, then what is left of the MMU.</summary>
    /// <remarks>KVM: kvm_mmu_zap_all(), kvm_mmu_unload(), kvm_mmu_uninit_tdp_mmu().</remarks>
    public void TearDown()
    {
        using (_vm.Journal.Enter(KvmFunction.KvmArchFlushShadowAll))
            _vm.Backends.ZapAll();

        foreach (var vcpu in _vm.Vcpus)
            _roots.Unload(vcpu);
        if (!_vm.TdpMmuEnabled)
            return;
        _vm.TdpMmu.InvalidateAllRoots();
        _vm.TdpMmu.ZapInvalidatedRoots();
    }

    private bool SetDirtyLog(ulong gpa, bool on)
    {
        if (_vm.Memslots.Find(gpa >> 12) is not { IsPrivate: false } slot)
            return false;
        if (slot.LogsDirty != on)
            _memslots.SetLogDirty(slot, on);
        return true;
    }

    /// <summary>The host-virtual ranges behind a guest-physical one, slot by slot.</summary>
    private List<(ulong Start, ulong End)> HostRanges(ulong gpa, ulong length)
    {
        var ranges = new List<(ulong, ulong)>();
        foreach (var slot in _vm.Memslots.All)
        {
            if (slot.IsPrivate)
                continue;
            var start = Math.Max(gpa, slot.BaseGfn << 12);
            var end = Math.Min(gpa + length, slot.EndGfn << 12);
            if (start < end)
                ranges.Add((slot.Hva + (start - (slot.BaseGfn << 12)), slot.Hva + (end - (slot.BaseGfn << 12))));
        }

        return ranges;
    }
}
