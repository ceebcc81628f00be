using Replay.Replayer.History;
using Replay.Replayer.Kvm;
using Replay.Replayer.Kvm.Host;

namespace Replay.Replayer.Tests.Kvm;

/// <summary>Behaviour A4: from exit qualification to KVM's error code. The pairs were seen on a real kernel.</summary>
public sealed class A04_FaultDecodingTests
{
    [Theory]
    [InlineData(0x781UL, 0x100000004UL)]
    [InlineData(0x782UL, 0x100000002UL)]
    [InlineData(0x784UL, 0x100000010UL)]
    [InlineData(0x7aaUL, 0x100000003UL)]
    [InlineData(0x082UL, 0x200000002UL)]
    [InlineData(0x083UL, 0x200000006UL)]
    [InlineData(0x081UL, 0x200000004UL)]
    public void An_EPT_violations_qualification_becomes_an_error_code(ulong qualification, ulong errorCode)
    {
        var machine = new DirectMachine().Fresh();
        machine.Handle(new VmExit { Reason = ExitReason.EptViolation, Info1 = qualification, Info2 = 0x10000c });
        Assert.Equal(errorCode, machine.Log.Faults.Single().ErrorCode);
        Assert.Equal(0x10000cUL, machine.Log.Faults.Single().Address);
    }

    /// <summary>Newer kernels tell a walk from its end only where the CPU has a linear address; older ones always do.</summary>
    [Theory]
    [InlineData("6.1", 0x001UL, 0x200000004UL)]
    [InlineData("6.12", 0x001UL, 0x4UL)]
    [InlineData("6.1", 0x081UL, 0x200000004UL)]
    [InlineData("6.12", 0x081UL, 0x200000004UL)]
    [InlineData("6.12", 0x181UL, 0x100000004UL)]
    public void A_violation_without_a_linear_address_tells_of_no_walk(string kernel, ulong qualification, ulong errorCode)
    {
        var machine = new DirectMachine(kernel: KvmBehaviour.Find(kernel)).Fresh();
        machine.Handle(new VmExit { Reason = ExitReason.EptViolation, Info1 = qualification, Info2 = 0x10000c });
        Assert.Equal(errorCode, machine.Log.Faults.Single().ErrorCode);
    }

    [Fact]
    public void A_misconfiguration_says_only_that_reserved_bits_were_set()
    {
        var machine = new DirectMachine();
        machine.Read(0xfe000000);
        machine.Fresh().Misconfig(0xfe000000);
        Assert.Equal(8UL, machine.Log.Faults.Single().ErrorCode);
    }

    [Fact]
    public void A_nested_page_faults_code_is_taken_as_it_is()
    {
        var machine = new DirectMachine(HostProfiles.Amd).Fresh();
        machine.Fetch(0x10000c);
        Assert.Equal(0x100000014UL, machine.Log.Faults.Single().ErrorCode);
    }

    [Fact]
    public void The_chain_of_the_leaf_names_the_way_from_the_exit_to_the_write()
    {
        var machine = new DirectMachine().Fresh();
        machine.Fetch(0x10000c);
        var leaf = machine.Log.Writes.First(write => write.Level == 1);
        Assert.Equal(
            "handle_ept_violation > kvm_mmu_page_fault > kvm_tdp_page_fault > direct_page_fault > direct_map > mmu_set_spte",
            machine.Log.Chain(leaf.ChainId));
    }

    [Theory]
    [InlineData("intel")]
    [InlineData("amd")]
    public void An_exit_reason_of_the_other_vendor_is_our_own_mistake(string profile)
    {
        var machine = new DirectMachine(HostProfiles.Find(profile));
        var reason = profile == "intel" ? ExitReason.Npf : ExitReason.EptViolation;
        Assert.Throws<InvariantViolation>(() => machine.Handle(new VmExit { Reason = reason }));
    }
}
