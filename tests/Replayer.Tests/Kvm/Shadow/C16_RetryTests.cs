using Replay.Replayer.Guest;
using Replay.Replayer.Hardware;
using Replay.Replayer.Kvm;
using Replay.Trace;
using static Replay.Replayer.Tests.Guest.GuestTableBuilder;

namespace Replay.Replayer.Tests.Kvm;

/// <summary>
/// Behaviour C16: a trapped write by an instruction that kernels do not use on page tables is not emulated: its page's shadow goes, and the CPU
/// tries again. Once for an instruction and address.
/// </summary>
public sealed class C16_RetryTests
{
    private const ulong Gva = 0x40_0000;
    private const ulong Window = 0x8000_0000;
    private const ulong Code = 0xc000_0000;

    public static TheoryData<string> Kernels => ["6.1", "6.12"];

    [Theory]
    [MemberData(nameof(Kernels))]
    public void An_instruction_that_is_not_for_tables_zaps_the_page_and_stores_by_itself(string kernel)
    {
        var (machine, directory) = WithWindow(kernel);
        Assert.Equal(AccessOutcome.Completed, machine.Store(Window + 0x800, directory + 0x800, 0, instruction: StoreInstruction.Other));
        Assert.Equal([$"zap {directory >> 12:x} l2"], machine.PageLines());
        Assert.Equal(0, machine.Stats.MmuPteWrite);
        Assert.Equal(0xe63UL, machine.Flags(Window));
        machine.Audit();
    }

    [Theory]
    [InlineData("6.1", StoreInstruction.OnTables)]
    [InlineData("6.12", StoreInstruction.OnTables)]
    [InlineData("6.1", StoreInstruction.Untold)]
    public void One_that_is_for_tables_or_is_not_known_is_emulated(string kernel, StoreInstruction instruction)
    {
        var (machine, directory) = WithWindow(kernel);
        Assert.Equal(AccessOutcome.Emulated, machine.Store(Window + 0x800, directory + 0x800, 0, instruction: instruction));
        Assert.Empty(machine.PageLines());
        Assert.Equal(1, machine.Stats.MmuPteWrite);
    }

    /// <summary>A root does not go while a CPU has it: 6.12 sees that nothing went, and emulates at once; 6.1 retries once.</summary>
    [Theory]
    [InlineData("6.1", 2)]
    [InlineData("6.12", 1)]
    public void A_write_to_the_table_in_CR3_is_emulated_in_the_end(string kernel, int faults)
    {
        var (machine, root) = WithWindowOnRoot(kernel);
        Assert.Equal(AccessOutcome.Emulated, machine.Store(Window + 0x800, root + 0x800, 0, instruction: StoreInstruction.Other));
        Assert.Equal(faults, machine.Log.Faults.Count(fault => fault.Gva == Window + 0x800));
        Assert.Equal($"zap {root >> 12:x} l4", machine.PageLines().First());
        Assert.Equal(1, machine.Stats.MmuPteWrite);
        machine.Enter().Audit();
    }

    /// <summary>The emulator goes through a string to its end; the guest runs again, at the same instruction, only then.</summary>
    [Theory]
    [MemberData(nameof(Kernels))]
    public void A_repeated_string_that_is_emulated_faults_once(string kernel)
    {
        var (machine, root) = WithWindowOnRoot(kernel);
        machine.Store(Window + 0x800, root + 0x800, 0, instruction: StoreInstruction.Repeated);
        machine.Fresh();
        for (var i = 1UL; i < 8; i++)
            Assert.Equal(AccessOutcome.Emulated, machine.Store(Window + 0x800 + (i * 8), root + 0x800 + (i * 8), i, instruction: StoreInstruction.Repeated));
        Assert.Empty(machine.Log.Exits);
        Assert.Equal(8, machine.Stats.MmuPteWrite);
        Assert.True(machine.Guest.Memory.TryRead64(root + 0x838, out var last));
        Assert.Equal(7UL, last);
        machine.Read(Gva);
        Assert.Equal(Code, machine.Log.Faults[0].Gva);
        machine.Audit();
    }

    private static (ShadowMachine Machine, ulong Directory) WithWindow(string kernel)
    {
        var machine = Machine(kernel);
        var directory = machine.Guest.EntryAddress(Gva, 2) & ~0xfffUL;
        machine.Guest.Map(Window, directory | P | W);
        return (Begin(machine), directory);
    }

    private static (ShadowMachine Machine, ulong Root) WithWindowOnRoot(string kernel)
    {
        var machine = Machine(kernel);
        machine.Guest.Map(Window, machine.Guest.Root | P | W);
        return (Begin(machine), machine.Guest.Root);
    }

    private static ShadowMachine Machine(string kernel)
    {
        var machine = new ShadowMachine(PagingMode.Level4, kernel: KvmBehaviour.Find(kernel));
        machine.Guest.Map(Gva, 0x5000 | P | W);
        machine.Guest.Map(Code, 0x7000 | P | W);
        return machine;
    }

    private static ShadowMachine Begin(ShadowMachine machine)
    {
        machine.Enter().Write(Gva);
        machine.Fetch(Code);
        machine.Read(Window);
        machine.Journal.Rip = Code;
        return machine.Fresh();
    }
}
