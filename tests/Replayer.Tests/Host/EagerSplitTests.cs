using Replay.Replayer.Guest;
using Replay.Replayer.History;
using Replay.Replayer.Kvm;
using Replay.Replayer.Kvm.Host;
using Replay.Replayer.Kvm.Mmu;
using Replay.Trace;

namespace Replay.Replayer.Tests.Host;

/// <summary>
/// Huge pages are split before their first write, when dirty logging needs small ones: those of the TDP MMU through its tree, and those of a nested
/// guest through the reverse maps.
/// </summary>
public sealed class EagerSplitTests
{
    private const ulong Npt = 0x100_0000;
    private const ulong L2Gpa = 0x60_0000;
    private const ulong L1Gfn = 0x400;
    private const ulong All = 7;

    [Theory]
    [InlineData("6.1")]
    [InlineData("6.12")]
    public void Switching_logging_on_puts_a_table_of_small_pages_in_the_place_of_the_huge_one(string kernel)
    {
        var (vm, log) = WithHugePage(kernel);
        Assert.True(vm.HostEvents.DirtyLogOn(0));

        var huge = Last(vm, level: 2);
        Assert.False(huge.Value.IsLarge);
        var child = vm.Pages.ChildOf(huge.Value);
        Assert.Equal((L1Gfn, true, true), (child.Gfn, child.Role.Direct, child.Role.GuestMode));
        Assert.Equal(TablePage.EntryCount, log.Writes.Count(write => write.TableId == child.Id && write.Function == KvmFunction.ShadowMmuSplitHugePage));
        Assert.Equal((0UL, 0UL), (child[0].Raw & Spte.PageSizeMask, child[511].Raw & Spte.WritableMask));
        Assert.Equal(child[0].Pfn + 511, child[511].Pfn);
        Assert.Contains(log.Writes, write => write.Function == KvmFunction.LinkShadowPage && write.TableId == huge.Page.Id);
        new MmuAudit(vm).Check();
    }

    [Fact]
    public void Without_eager_splitting_the_huge_page_stays_and_is_protected()
    {
        var (vm, _) = WithHugePage("6.12", profile => profile with { EagerPageSplit = false });
        vm.HostEvents.DirtyLogOn(0);
        Assert.Equal((true, 0UL), (Last(vm, level: 2).Value.IsLarge, Last(vm, level: 2).Value.Raw & Spte.WritableMask));
    }

    /// <summary>6.1's range ends in front of the last page named.</summary>
    [Theory]
    [InlineData("6.1", 0, true)]
    [InlineData("6.12", 0, false)]
    [InlineData("6.1", 1, false)]
    public void Clearing_the_log_of_one_page_splits_the_TDP_MMUs_huge_page_but_for_its_first_in_6_1(string kernel, int page, bool staysHuge)
    {
        var (vm, _) = WithVcpu(kernel, profile => profile);
        Write(vm, L1Gfn << 12);
        vm.ManualDirtyLog = (true, true);
        vm.HostEvents.DirtyLogOn(0);
        vm.HostEvents.DirtyLogClear((L1Gfn + (ulong)page) << 12, 4096);
        Assert.Equal(staysHuge, Find(vm, L1Gfn << 12, level: 2).Value.IsLarge);
    }

    /// <summary>With one page named, 6.1's range ends before it begins: the TDP MMU finds nothing, the reverse maps' walk looks at its first page anyway.</summary>
    [Theory]
    [InlineData("6.1")]
    [InlineData("6.12")]
    public void Clearing_the_log_splits_what_holds_the_pages_named(string kernel)
    {
        var (vm, _) = WithHugePage(kernel);
        vm.ManualDirtyLog = (true, true);
        vm.HostEvents.DirtyLogOn(0);
        Assert.True(Last(vm, level: 2).Value.IsLarge);
        vm.HostEvents.DirtyLogClear(L1Gfn << 12, 4096);
        Assert.False(Last(vm, level: 2).Value.IsLarge);
    }

    /// <summary>L1 runs L2 with one 2 MiB page of nested page tables, which L2 has written.</summary>
    private static (KvmVm Vm, Kvm.Recorder Log) WithHugePage(string kernel, Func<HostProfile, HostProfile>? change = null)
    {
        var (vm, log) = WithVcpu(kernel, change ?? (profile => profile));
        Table(vm, Npt, 0, (Npt + 0x1000) | All);
        Table(vm, Npt + 0x1000, 0, (Npt + 0x2000) | All);
        Table(vm, Npt + 0x2000, (int)(L2Gpa >> 21), L1Gfn << 12 | All | 0xe0);
        vm.Vcpus[0].Vmrun(0x3e_0000, new NestedEntry { NestedControl = 1, NestedCr3 = Npt, Cr0 = 0x11, Efer = 0x1000 });
        vm.Vcpus[0].EnterGuest();
        Write(vm, L2Gpa);
        Assert.True(Last(vm, level: 2).Value.IsLarge);
        log.Clear();
        return (vm, log);
    }

    private static (KvmVm Vm, Kvm.Recorder Log) WithVcpu(string kernel, Func<HostProfile, HostProfile> change)
    {
        var log = new Kvm.Recorder();
        var vm = new KvmVm(new Journal(log), new GuestMemory(), MmuMode.NptTdp, change(HostProfiles.AmdTcg), KvmBehaviour.Find(kernel)!, HostBacking.Thp);
        vm.CreateVcpu(new ControlRegisters { Cr0 = 0x8001_0033, Cr3 = 0x20_0000, Cr4 = 0xb0, Efer = 0x1d00 });
        vm.HostEvents.Memslot(new MemslotChange { Slot = 0, Size = 0x400_0000 });
        vm.Vcpus[0].EnterGuest();
        return (vm, log);
    }

    private static void Write(KvmVm vm, ulong gpa)
    {
        var exit = new VmExit
        {
            Reason = ExitReason.Npf,
            Info1 = Pferr.GuestFinal | Pferr.User | Pferr.Write,
            Info2 = gpa,
            Gva = gpa,
            Access = AccessKind.Write,
            Size = 8,
        };
        Assert.Equal(ExitResult.Retry, vm.Vcpus[0].HandleExit(exit));
        vm.Vcpus[0].EnterGuest();
    }

    private static void Table(KvmVm vm, ulong gpa, int index, ulong entry)
    {
        var page = new byte[4096];
        BitConverter.TryWriteBytes(page.AsSpan(index * 8), entry);
        vm.GuestMemory.SetPage(gpa >> 12, page);
    }

    private static Sptep Last(KvmVm vm, int level) => Find(vm, L2Gpa, level);

    private static Sptep Find(KvmVm vm, ulong gpa, int level)
    {
        var found = default(Sptep);
        for (var walk = ShadowWalk.From(vm.Vcpus[0], gpa); walk.IsOkay; walk.Next())
        {
            if (walk.Level == level)
                found = walk.Entry;
        }

        return found;
    }
}
