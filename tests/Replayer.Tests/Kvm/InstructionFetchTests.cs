using Replay.Replayer.Kvm.Host;
using Replay.Trace;
using static Replay.Replayer.Tests.Guest.GuestTableBuilder;

namespace Replay.Replayer.Tests.Kvm;

/// <summary>An instruction has to be there before it accesses anything, even if the capture does not tell of the fetch.</summary>
public sealed class InstructionFetchTests
{
    private const ulong Code = 0x40_0000;
    private const ulong Data = 0x80_0000;

    [Fact]
    public void After_a_change_of_translations_the_instruction_is_fetched_before_its_access()
    {
        var machine = Running();
        machine.Cpu.Instructions.WriteCr0(machine.Registers.Cr0 & ~(1UL << 16));
        machine.Fresh().Write(Data);
        Assert.Equal([Code, Data], machine.Log.Faults.Select(fault => fault.Address));
        Assert.Equal([AccessKind.Fetch, AccessKind.Write], machine.Log.Faults.Select(fault => fault.Access));
    }

    [Fact]
    public void While_nothing_changes_it_is_not()
    {
        var machine = Running();
        machine.Write(Data);
        machine.Fresh().Write(Data + 8);
        Assert.Empty(machine.Log.Exits);
    }

    [Fact]
    public void Implicit_accesses_belong_to_no_instruction()
    {
        var machine = Running();
        machine.Cpu.Instructions.WriteCr0(machine.Registers.Cr0 & ~(1UL << 16));
        machine.Fresh().Read(Data, AccessFlags.Implicit);
        Assert.Equal([Data], machine.Log.Faults.Select(fault => fault.Address));
    }

    [Fact]
    public void An_address_that_the_capture_names_counts_more_than_the_page_entered_last()
    {
        var machine = Running();
        machine.Cpu.Instructions.WriteCr0(machine.Registers.Cr0 & ~(1UL << 16));
        machine.Journal.Rip = Code + 0x1010;
        machine.Fresh().Write(Data);
        Assert.Equal([Code + 0x1010, Data], machine.Log.Faults.Select(fault => fault.Address));
    }

    /// <summary>Execution has entered the page at <see cref="Code"/>.</summary>
    private static ShadowMachine Running()
    {
        var machine = new ShadowMachine(profile: HostProfiles.Intel);
        machine.Guest.Map(Code, 0x5000 | P).Map(Code + 0x1000, 0x6000 | P).Map(Data, 0x7000 | P | W);
        machine.Enter();
        var chunk = new TraceChunk();
        chunk.Add(1, 0, AccessKind.Fetch, AccessFlags.None, Code, 0x5000, 1);
        machine.Cpu.Run(chunk, 0, chunk.AccessCount);
        return machine.Fresh();
    }
}
