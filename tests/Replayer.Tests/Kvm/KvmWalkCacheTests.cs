using Replay.Replayer.Kvm.Mmu;

namespace Replay.Replayer.Tests.Kvm;

public sealed class KvmWalkCacheTests
{
    private const ulong Gpa = 0x60_1000;

    [Fact]
    public void A_fault_leaves_the_page_table_it_came_to()
    {
        var machine = new DirectMachine();

        machine.Read(Gpa);

        Assert.True(machine.Vm.WalkCache.TryFind(machine.Root, Gpa >> 12, out var pageTable));
        Assert.Same(machine.Last(Gpa).Page, pageTable);
        Assert.True(machine.Vm.WalkCache.TryFind(machine.Root, 0x7ff, out _));
        Assert.False(machine.Vm.WalkCache.TryFind(machine.Root, 0x800, out _));
        Assert.False(machine.Vm.WalkCache.TryFind(pageTable, Gpa >> 12, out _));
    }

    [Fact]
    public void It_is_void_as_soon_as_an_entry_is_taken_away()
    {
        var machine = new DirectMachine();
        machine.Read(Gpa);
        machine.Read(0x1000);
        var elsewhere = machine.Last(0x1000);

        machine.Vm.Writer.Write(elsewhere.Page, elsewhere.Index, default, elsewhere.Gfn);

        Assert.False(machine.Vm.WalkCache.TryFind(machine.Root, Gpa >> 12, out _));
        machine.Write(Gpa + 0x4_0000);
        Assert.True(machine.Vm.WalkCache.TryFind(machine.Root, Gpa >> 12, out _));
    }

    [Fact]
    public void Switched_off_it_knows_nothing()
    {
        var machine = new DirectMachine();
        machine.Read(Gpa);
        var cache = new KvmWalkCache(machine.Vm.Journal, machine.Vm.Writer, machine.Vm.Pages, isOn: false);

        cache.Fill(machine.Root, Gpa >> 12, machine.Last(Gpa).Page);

        Assert.False(cache.TryFind(machine.Root, Gpa >> 12, out _));
    }
}
