using Replay.Replayer.History;
using Replay.Replayer.Kvm;
using Replay.Replayer.Kvm.Host;
using Replay.Trace;
using static Replay.Replayer.Tests.Guest.GuestTableBuilder;

namespace Replay.Replayer.Tests.Kvm;

/// <summary>Behaviours C17 and C18: INVLPG and INVPCID.</summary>
public sealed class C17_C18_InvalidationTests
{
    private const ulong Gva = 0x40_0000;
    private const ulong PageTable = 0x10_3000;
    private const ulong Window = 0x60_0000;

    [Fact]
    public void INVLPG_of_an_entry_in_an_unsync_page_makes_it_again_from_the_guests()
    {
        var machine = Unsync(0x6000 | P | W | A | D);
        machine.Cpu.Instructions.Invlpg(Gva);
        Assert.Equal(["mmu_spte_clear_track_bits L1[0] e63 -> 0", "mmu_set_spte L1[0] 0 -> e43"], machine.WriteLines());
        Assert.Equal(machine.FrameOf(6), machine.Last(Gva).Value.Pfn);
        Assert.True(machine.PageOf(0x103).Unsync);
        Assert.Contains(machine.Log.Flushes, flush => flush.Kind == FlushKind.Gva && flush.Start == Gva);
        Assert.Equal(1, machine.Stats.Invlpg);
        machine.Audit();
    }

    [Fact]
    public void INVLPG_of_an_entry_that_is_gone_leaves_none()
    {
        var machine = Unsync(0);
        machine.Cpu.Instructions.Invlpg(Gva);
        Assert.Equal(0UL, machine.Last(Gva).Value.Raw);
        Assert.Equal(0UL, machine.Last(Gva).Value.Raw);
    }

    /// <summary>From 6.6 on entries are synced one by one, each of which says whether others may have it cached.</summary>
    [Theory]
    [InlineData("another frame", 0x6000 | P | W | A | D, true)]
    [InlineData("the same", 0x5000 | P | W | A | D, false)]
    [InlineData("gone", 0, true)]
    public void INVLPG_flushes_other_CPUs_only_where_the_entry_changed(string what, ulong gpte, bool flushes)
    {
        var machine = Unsync(gpte, kernel: KvmBehaviour.Linux612);
        machine.Cpu.Instructions.Invlpg(Gva);
        Assert.True(flushes == machine.Log.Flushes.Any(flush => flush.Kind is FlushKind.Remote or FlushKind.RemoteRange), what);
        Assert.True(flushes != machine.Last(Gva).Value.IsShadowPresent, what);
        Assert.Equal(flushes, machine.WriteLines().Any());
        machine.Audit();
    }

    [Fact]
    public void INVLPG_of_an_entry_that_is_in_sync_writes_nothing()
    {
        var machine = Unsync(0x6000 | P | W | A | D);
        machine.Fresh().Cpu.Instructions.Invlpg(Window);
        Assert.Empty(machine.WriteLines());
        Assert.Contains(machine.Log.Flushes, flush => flush.Kind == FlushKind.Gva);
    }

    [Fact]
    public void INVLPG_reaches_previous_roots_because_the_page_may_be_global()
    {
        var machine = Unsync(0x6000 | P | W | A | D);
        CopyRoot(machine);
        machine.Cpu.Instructions.WriteCr3(0x20_0000);
        var table = machine.PageOf(0x103);
        machine.Fresh().Cpu.Instructions.Invlpg(Gva);
        Assert.Equal(machine.FrameOf(6), table[0].Pfn);
    }

    [Fact]
    public void INVLPG_of_a_non_canonical_address_is_nothing()
    {
        var machine = Unsync(0);
        machine.Cpu.Instructions.Invlpg(1UL << 47);
        Assert.Empty(machine.WriteLines());
        Assert.Empty(machine.Log.Flushes);
    }

    [Theory]
    [InlineData(5UL, true)]
    [InlineData(6UL, false)]
    public void INVPCID_of_an_address_reaches_the_roots_of_that_PCID(ulong pcid, bool reached)
    {
        var machine = Unsync(0x6000 | P | W | A | D, ownPcid: 5);
        machine.Cpu.Instructions.Invpcid(0, pcid, Gva);
        Assert.Equal(reached, machine.Last(Gva).Value.Pfn == machine.FrameOf(6));
        Assert.Equal(reached, machine.Log.Flushes.Any(flush => flush.Kind == FlushKind.Gva));
    }

    [Theory]
    [InlineData(5UL, true)]
    [InlineData(6UL, false)]
    public void INVPCID_of_a_context_syncs_the_current_root_if_it_is_of_that_PCID(ulong pcid, bool synced)
    {
        var machine = Unsync(0, ownPcid: 5);
        machine.Cpu.Instructions.Invpcid(1, pcid, 0);
        Assert.Equal(synced, machine.PageLines().Contains("sync 103 l1"));
    }

    [Theory]
    [InlineData(2UL)]
    [InlineData(3UL)]
    public void INVPCID_of_everything_syncs_with_global_pages_or_without(ulong type)
    {
        var machine = Unsync(0, ownPcid: 5);
        machine.Cpu.Instructions.Invpcid(type, 0, 0);
        Assert.Contains("sync 103 l1", machine.PageLines());
        Assert.Contains(machine.Log.Flushes, flush => flush.Kind == FlushKind.Guest);
    }

    private static void CopyRoot(ShadowMachine machine)
    {
        machine.Guest.Memory.SetPage(0x200, []);
        machine.Guest.Memory.Store(0x20_0000, 0x10_1000 | P | W | U, 8);
    }

    /// <summary><see cref="Gva"/> was shadowed, then its page table written without a trap.</summary>
    private static ShadowMachine Unsync(ulong gpte, ulong? ownPcid = null, KvmBehaviour? kernel = null)
    {
        var machine = new ShadowMachine(profile: HostProfiles.Intel, kernel: kernel);
        if (ownPcid is { } pcid)
        {
            machine.Registers.Cr4 |= ControlBits.Cr4Pcide;
            machine.Registers.Cr3 |= pcid;
            machine.Vcpu.RegistersSet();
        }

        machine.Guest.Map(Gva, 0x5000 | P | W);
        machine.Guest.Map(Window, PageTable | P | W);
        machine.Enter().Write(Gva);
        machine.Store(Window, PageTable, gpte);
        Assert.True(machine.PageOf(0x103).Unsync);
        return machine.Fresh();
    }
}
