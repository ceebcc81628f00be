using CsCheck;
using Replay.Replayer.Kvm;
using Replay.Replayer.Kvm.Host;
using Replay.Replayer.Kvm.Mmu;

namespace Replay.Replayer.Tests.Host;

/// <summary>
/// Two implementations of one thing: whatever the guest touches and the host does, the TDP MMU and the shadow MMU's direct map end up
/// translating the same accesses to the same frames, and never to a frame that the host does not have there.
/// </summary>
public sealed class TdpAgainstDirectMapTests
{
    private const ulong Gfns = 0x600;

    private static readonly Gen<Step> Steps = Gen.Select(
        Gen.Frequency(
            (8, Gen.Const(StepKind.Read)),
            (8, Gen.Const(StepKind.Write)),
            (2, Gen.Const(StepKind.Invalidate)),
            (2, Gen.Const(StepKind.ChangePte)),
            (2, Gen.Const(StepKind.Age)),
            (1, Gen.Const(StepKind.DirtyLog)),
            (2, Gen.Const(StepKind.DirtyLogGet)),
            (1, Gen.Const(StepKind.Protect)),
            (1, Gen.Const(StepKind.Reslot)),
            (1, Gen.Const(StepKind.RecoverNx))),
        Gen.ULong[0, Gfns - 1],
        Gen.ULong[1, 0x300],
        (kind, gfn, pages) => new Step(kind, gfn, pages));

    private static readonly Gen<HostBacking> Backings = Gen.Select(Gen.Bool, Gen.Bool, (huge, populated) => new HostBacking { HugePages = huge, Populated = populated });

    private static readonly HostProfile[] ProfileChoices =
    [
        HostProfiles.IntelBochs,
        HostProfiles.IntelBochsNoAd,
        HostProfiles.AmdTcg,
        HostProfiles.IntelBochs with { NxHugePages = true },
        HostProfiles.AmdTcg with { EagerPageSplit = false },
    ];

    private static readonly Gen<HostProfile> Profiles = Gen.Int[0, ProfileChoices.Length - 1].Select(i => ProfileChoices[i]);

    private static readonly HostProfile[] OldProfileChoices = [HostProfiles.Intel, HostProfiles.IntelNoAd, HostProfiles.Intel with { MaxMmuPages = 64 }];

    private static readonly Gen<HostProfile> OldProfiles = Gen.Int[0, OldProfileChoices.Length - 1].Select(i => OldProfileChoices[i]);

    private enum StepKind
    {
        Read,
        Write,
        Invalidate,
        ChangePte,
        Age,
        DirtyLog,
        DirtyLogGet,
        Protect,
        Reslot,
        RecoverNx,
    }

    [Fact]
    public void Both_MMUs_translate_the_same_accesses_to_the_same_frames() =>
        Gen.Select(Profiles, Backings, Steps.Array[1, 60]).Sample(
            (profile, backing, steps) =>
            {
                var amd = profile.Vendor == CpuVendor.Amd;
                var tdp = new HostMachine(amd ? MmuMode.NptTdp : MmuMode.EptTdp, profile, backing);
                var direct = new HostMachine(amd ? MmuMode.Npt : MmuMode.Ept, profile, backing);
                foreach (var step in steps)
                {
                    Run(tdp, step);
                    Run(direct, step);
                    CheckAgainstHost(tdp, stride: 7);
                    CheckAgainstHost(direct, stride: 7);
                    if (step.Kind is StepKind.Read or StepKind.Write)
                        Assert.Equal(tdp.Translate(step.Gfn), direct.Translate(step.Gfn));
                }

                CheckAgainstHost(tdp, stride: 1);
                CheckAgainstHost(direct, stride: 1);
                tdp.Events.TearDown();
                direct.Events.TearDown();
                Assert.Equal((0, 0), (tdp.Vm.Pages.Count, direct.Vm.Pages.Count));
            },
            iter: 60);

    /// <summary>The oldest kernel against the naive walk of its own tables and the host: what was touched is mapped, with the rights asked for, and all agrees with itself.</summary>
    [Fact]
    public void The_EPT_of_Linux_3_6_maps_what_the_host_has() =>
        Gen.Select(OldProfiles, Backings, Steps.Array[1, 60]).Sample(
            (profile, backing, steps) =>
            {
                var machine = new HostMachine(MmuMode.Ept, profile, backing, kernel: KvmBehaviour.Linux36);
                var audit = new MmuAudit(machine.Vm);
                foreach (var step in steps)
                {
                    if (step.Kind == StepKind.RecoverNx)
                        continue;
                    Run(machine, step);
                    CheckAgainstHost(machine, stride: 7);
                    if (step.Kind is StepKind.Read or StepKind.Write)
                        Assert.NotNull(machine.Translate(step.Gfn));
                    audit.Check();
                }

                CheckAgainstHost(machine, stride: 1);
                machine.Events.TearDown();
                Assert.Equal(0, machine.Vm.Pages.Count);
            },
            iter: 60);

    private static void Run(HostMachine machine, Step step)
    {
        var gpa = step.Gfn << 12;
        switch (step.Kind)
        {
            case StepKind.Read:
                machine.Read(step.Gfn);
                break;
            case StepKind.Write:
                machine.Write(step.Gfn);
                break;
            case StepKind.Invalidate:
                machine.Events.Invalidate(gpa, step.Pages << 12);
                break;
            case StepKind.ChangePte:
                machine.Events.ChangePte(gpa);
                break;
            case StepKind.Age:
                machine.Events.Age(gpa, step.Pages << 12);
                break;
            case StepKind.DirtyLog when machine.Slot.LogsDirty:
                machine.Events.DirtyLogOff(0);
                break;
            case StepKind.DirtyLog:
                machine.Events.DirtyLogOn(0);
                break;
            case StepKind.DirtyLogGet:
                machine.Events.DirtyLogGet(0);
                break;
            case StepKind.Protect:
                machine.Events.Protect(0, Gfns << 12, writable: false);
                machine.Events.Protect(0, Gfns << 12, writable: true);
                break;
            case StepKind.Reslot:
                var logDirty = machine.Slot.LogsDirty;
                machine.SetSlot();
                machine.SetSlot(size: 64 << 20, logDirty: logDirty);
                machine.Vcpu.EnterGuest();
                break;
            default:
                machine.Events.RecoverNxHugePages();
                break;
        }
    }

    /// <summary>What is mapped is what the host has there, and writable only where the host lets it be written.</summary>
    private static void CheckAgainstHost(HostMachine machine, ulong stride)
    {
        for (var gfn = 0UL; gfn < Gfns; gfn += stride)
        {
            if (machine.Translate(gfn) is not { } pfn)
                continue;
            Assert.True(machine.Vm.HostMemory.TryGetFrame(machine.Slot, gfn, out var frame), $"gfn {gfn:x} is mapped and the host has no page");
            Assert.Equal(frame, pfn);
            var mayWrite = frame >= HostMemory.FirstPfn && frame < HostMemory.FirstSharedPfn;
            Assert.True(mayWrite || !machine.Find(gfn).Value.IsWritable, $"gfn {gfn:x} is writable and its frame {frame:x} is shared");
        }
    }

    private readonly record struct Step(StepKind Kind, ulong Gfn, ulong Pages);
}
