using Replay.Replayer.Guest;
using Replay.Replayer.History;
using Replay.Replayer.Kvm;
using Replay.Replayer.Kvm.Host;
using Replay.Replayer.Kvm.Mmu;
using Replay.Replayer.Tests.Tdp;
using Replay.Trace;

namespace Replay.Replayer.Tests.Host;

/// <summary>A VM in one of the two-dimensional modes with one vCPU and 64 MiB at gpa 0; accesses fault until they are mapped.</summary>
internal sealed class HostMachine
{
    private const int MaxFaults = 4;
    private const ulong EptRights = 7;
    private const ulong X86Present = 1;

    public HostMachine(MmuMode mode, HostProfile? profile = null, HostBacking? backing = null, bool logDirty = false, KvmBehaviour? kernel = null)
    {
        profile ??= mode.UsesEptFormat() ? HostProfiles.IntelBochs : HostProfiles.AmdTcg;
        Vm = new KvmVm(new Journal(Log, kernel), new GuestMemory(), mode, profile, kernel ?? KvmBehaviour.Linux61, backing ?? HostBacking.Pages4K);
        Assert.Equal(MemslotResult.Done, SetSlot(size: 64 << 20, logDirty: logDirty));
        Vcpu = Vm.CreateVcpu(new ControlRegisters { Cr0 = 0x80010011, Cr4 = 0x20, Efer = 0xd00 });
        Vcpu.RegistersSet();
        Vcpu.EnterGuest();
    }

    public NormalisedLog Log { get; } = new();

    public KvmVm Vm { get; }

    public KvmVcpu Vcpu { get; }

    public HostEvents Events => Vm.HostEvents;

    public Memslot Slot => Vm.Memslots.FindById(0)!;

    public MemslotResult SetSlot(int slot = 0, ulong gpa = 0, ulong size = 0, bool logDirty = false, bool readOnly = false, ulong? hvaOffset = null) =>
        Events.Memslot(new MemslotChange
        {
            Slot = slot,
            Gpa = gpa,
            Size = size,
            LogDirty = logDirty,
            ReadOnly = readOnly,
            HvaOffset = hvaOffset ?? gpa % (1 << 30),
        });

    /// <summary>Takes the lines of everything so far, runs, and returns the lines of that alone.</summary>
    public List<string> LinesOf(Action action)
    {
        Log.Take();
        action();
        return Log.Take();
    }

    public RetPf Read(ulong gfn) => Access(gfn, Pferr.User);

    public RetPf Write(ulong gfn) => Access(gfn, Pferr.Write);

    /// <summary>One fault at the page.</summary>
    public RetPf Fault(ulong gfn, ulong errorCode)
    {
        Vcpu.EnterGuest();
        if ((Find(gfn).Value.Raw & (Vm.Format.IsEpt ? EptRights : X86Present)) != 0)
            errorCode |= Pferr.Present;
        Vcpu.Fault.Begin(gfn << 12, (uint)errorCode, Vm.ShadowMmu.DirectFaults.TdpHandler, Vm.Profile.NxHugePages);
        return Vm.ShadowMmu.DirectFaults.TdpPageFault(Vcpu);
    }

    /// <summary>The entry at which a CPU's walk to the gfn ends.</summary>
    public Sptep Find(ulong gfn)
    {
        var page = Vcpu.Mmu.Root.ShadowPage!;
        while (true)
        {
            var entry = new Sptep(page, PageLevels.EntryIndex(gfn, page.Level));
            if (!entry.IsPresent || entry.Value.IsLast(page.Level))
                return entry;
            page = Vm.Pages.ChildOf(entry.Value);
        }
    }

    /// <summary>The frame that the tables give the gfn; null where they map none.</summary>
    public ulong? Translate(ulong gfn)
    {
        var entry = Find(gfn);
        return entry.IsPresent ? entry.Value.Pfn + (gfn & (PageLevels.PagesPerHugePage(entry.Level) - 1)) : null;
    }

    private RetPf Access(ulong gfn, ulong errorCode)
    {
        var outcome = RetPf.Retry;
        for (var i = 0; i < MaxFaults && outcome == RetPf.Retry; i++)
            outcome = Fault(gfn, errorCode);
        return outcome;
    }
}
