using Replay.Replayer.Kvm;
using Replay.Replayer.Kvm.Host;
using Replay.Replayer.Kvm.Mmu;

namespace Replay.Replayer.Tests.Tdp;

/// <summary>A VM with the TDP MMU has shadow pages as well once a guest's tables are shadowed: what acts on a gfn acts on both.</summary>
public sealed class TwoBackendsTests
{
    private const ulong Gfn = 0x234;

    private readonly TdpMachine _machine = new();

    [Fact]
    public void Without_a_shadow_root_the_reverse_maps_are_not_asked()
    {
        Assert.False(_machine.Vm.ShadowMmu.IsInUse);
        MapInShadowPage();

        _machine.Vm.HostEvents.Invalidate(Gfn << 12, 4096);

        Assert.True(_shadow.Value.IsShadowPresent);
    }

    [Fact]
    public void An_invalidation_clears_the_entries_of_both()
    {
        MapInBoth();

        _machine.Vm.HostEvents.Invalidate(Gfn << 12, 4096);

        Assert.Equal(0UL, _shadow.Value.Raw);
        Assert.Equal(0UL, _machine.Last(Gfn).Value.Raw);
        Assert.False(_machine.Vm.Backends.TestAge(Slot, Gfn, Gfn + 1));
    }

    [Fact]
    public void A_gfn_that_is_shadowed_is_write_protected_in_both()
    {
        MapInBoth();

        Assert.True(_machine.Vm.Backends.WriteProtectGfn(Slot, Gfn, PgLevel.Size4K));

        Assert.False(_shadow.Value.IsWritable || _machine.Vm.Format.IsMmuWritable(_shadow.Value));
        Assert.False(_machine.Last(Gfn).Value.IsWritable || _machine.Vm.Format.IsMmuWritable(_machine.Last(Gfn).Value));
    }

    [Fact]
    public void The_dirty_log_is_cleared_in_both()
    {
        MapInBoth();

        _machine.Vm.Backends.ClearDirtyMasked(Slot, Gfn - (Gfn % 64), 1UL << (int)(Gfn % 64), writeProtect: true);

        Assert.False(_shadow.Value.IsWritable);
        Assert.False(_machine.Last(Gfn).Value.IsWritable);
    }

    [Fact]
    public void A_memslot_that_goes_takes_the_pages_of_both()
    {
        MapInBoth();
        var page = _shadow.Page;
        _machine.Vm.ValidGeneration = 0;

        _machine.Vm.Backends.Invalidate();
        Assert.True(_machine.Vm.IsObsolete(page));
        Assert.True(_machine.Root.Role.Invalid);
        _machine.Vm.Backends.ZapInvalidated();

        Assert.True(page.Role.Invalid);
        Assert.Equal(0, _machine.Vm.ShadowMmu.UsedMmuPages);
        Assert.Equal(0, _machine.Root.FilledCount);
    }

    private Memslot Slot => _machine.Vm.Memslots.Find(Gfn)!;

    private Sptep _shadow;

    private void MapInBoth()
    {
        MapInShadowPage();
        _machine.Vm.ShadowMmu.ShadowRootAllocated = true;
        _machine.Write(Gfn);
    }

    /// <summary>A page table of a nested guest, direct for simplicity.</summary>
    private void MapInShadowPage()
    {
        var role = TdpMachine.RootRole.WithLevel(PgLevel.Size4K).With(PageRole.GuestModeMask, true);
        var page = _machine.Vm.ShadowMmu.ShadowPages.Get(null, Gfn & ~511UL, role);
        _shadow = new Sptep(page, (int)(Gfn & 511));
        _machine.Vm.ShadowMmu.LeafMapper.Prefetch(Slot, _shadow, PteAccess.All, Gfn, HostMemory.FirstPfn + Gfn);
    }
}
