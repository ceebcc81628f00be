using Replay.Replayer.History;
using Replay.Replayer.Kvm;
using Replay.Replayer.Kvm.Host;
using static Replay.Replayer.Tests.Guest.GuestTableBuilder;

namespace Replay.Replayer.Tests.Kvm;

/// <summary>
/// An SVM CPU without next-RIP saving leaves it to KVM to find where an intercepted instruction ends: KVM reads it, and its walk marks the guest's
/// entries as accessed.
/// </summary>
public sealed class SkippedInstructionTests
{
    private const ulong Code = 0x40_0000;

    [Theory]
    [InlineData(ExitReason.EferWrite)]
    [InlineData(ExitReason.Invpcid)]
    [InlineData(ExitReason.Invlpga)]
    public void KVM_reads_an_instruction_whose_end_the_CPU_does_not_tell(ExitReason reason)
    {
        foreach (var profile in (HostProfile[])[HostProfiles.Amd, HostProfiles.AmdTcg])
        {
            var machine = new ShadowMachine(profile: profile);
            machine.Guest.Map(Code, 0x5000 | P);
            machine.Enter().Journal.Rip = Code;
            machine.Vcpu.HandleExit(new VmExit { Reason = reason, Info1 = 2, Info2 = reason == ExitReason.EferWrite ? machine.Registers.Efer : 0x1234_5000 });
            Assert.Equal(profile.Nrips ? 0 : A, machine.Guest.Entry(Code) & A);
        }
    }
}
