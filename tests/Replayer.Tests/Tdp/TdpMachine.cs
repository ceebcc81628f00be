using Replay.Replayer.Guest;
using Replay.Replayer.History;
using Replay.Replayer.Kvm;
using Replay.Replayer.Kvm.Host;
using Replay.Replayer.Kvm.Mmu;

namespace Replay.Replayer.Tests.Tdp;

/// <summary>A VM with the TDP MMU, one vCPU and 64 MiB at gpa 0, on the host whose kernel's traces the tests quote.</summary>
internal sealed class TdpMachine
{
    /// <summary>Role of a 4-level direct root with EFER.NX and CR0.WP: what a 64-bit guest has.</summary>
    public static readonly PageRole RootRole = new(0x3784);

    public TdpMachine(HostProfile? profile = null, HostBacking? backing = null, bool logDirty = false, KvmBehaviour? kernel = null)
    {
        profile ??= HostProfiles.IntelBochs;
        var mode = profile.Vendor == CpuVendor.Amd ? MmuMode.NptTdp : MmuMode.EptTdp;
        Vm = new KvmVm(new Journal(Log), new GuestMemory(), mode, profile, kernel ?? KvmBehaviour.Linux61, backing ?? HostBacking.Pages4K);
        AddSlot(new Memslot(0, 0, 0x4000, 0, logDirty: logDirty));
        Vcpu = Vm.CreateVcpu(new ControlRegisters());
        Vcpu.Mmu.RootRole = RootRole.With(PageRole.AdDisabledMask, !Vm.Format.AdEnabled);
        LoadRoot();
    }

    public NormalisedLog Log { get; } = new();

    public KvmVm Vm { get; }

    public KvmVcpu Vcpu { get; }

    public ShadowPage Root => Vcpu.Mmu.Root.ShadowPage!;

    public void AddSlot(Memslot slot)
    {
        Vm.Memslots.BeginSwap();
        Vm.Memslots.Replace(null, slot);
        Vm.Memslots.EndSwap();
    }

    public void LoadRoot() => Vcpu.Mmu.Root = new MmuRoot(Vm.TdpMmu.GetVcpuRoot(Vcpu.Mmu.RootRole), 0);

    public RetPf Read(ulong gfn) => Fault(gfn, Pferr.User);

    public RetPf Write(ulong gfn) => Fault(gfn, Pferr.Write);

    public RetPf Execute(ulong gfn) => Fault(gfn, Pferr.Fetch);

    /// <summary>The entry that a walk to the gfn ends at.</summary>
    public Sptep Last(ulong gfn) => Vm.TdpMmu.GetLastSptep(Root, gfn);

    /// <summary>Takes the lines of everything so far, runs, and returns the lines of that alone.</summary>
    public List<string> LinesOf(Action action)
    {
        Log.Take();
        action();
        return Log.Take();
    }

    private RetPf Fault(ulong gfn, ulong errorCode)
    {
        var fault = Vcpu.Fault;
        fault.Begin(gfn << 12, (uint)errorCode, KvmFunction.KvmTdpPageFault, Vm.Profile.NxHugePages);
        fault.Gfn = gfn;
        fault.Slot = Vm.Memslots.Find(gfn);
        var frame = Vm.HostMemory.GfnToPfn(fault.Slot, gfn, fault.Write);
        (fault.PfnKind, fault.Pfn, fault.MapWritable) = frame;
        return Vm.TdpMmu.Map(Vcpu);
    }
}
