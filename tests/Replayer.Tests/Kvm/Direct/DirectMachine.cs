using Replay.Replayer.Guest;
using Replay.Replayer.History;
using Replay.Replayer.Kvm;
using Replay.Replayer.Kvm.Host;
using Replay.Replayer.Kvm.Mmu;
using Replay.Trace;

namespace Replay.Replayer.Tests.Kvm;

/// <summary>
/// A VM in mode ept or npt with one vCPU and 64 MiB at gpa 0. There is no CPU behind it: the tests make the exits, as the CPU would,
/// from what the tables hold.
/// </summary>
internal sealed class DirectMachine
{
    public const ulong MemoryPages = 0x4000;

    public DirectMachine(HostProfile? profile = null, HostBacking? backing = null, bool logDirty = false, MemslotShape? shape = null, KvmBehaviour? kernel = null)
    {
        profile ??= HostProfiles.IntelBochs;
        Mode = profile.Vendor == CpuVendor.Amd ? MmuMode.Npt : MmuMode.Ept;
        Vm = new KvmVm(new Journal(Log, kernel), new GuestMemory(), Mode, profile, kernel ?? KvmBehaviour.Linux61, backing);
        shape ??= new MemslotShape();
        AddSlot(new Memslot(0, shape.BaseGfn, shape.PageCount, shape.Hva, logDirty: logDirty));
        Vcpu = Vm.CreateVcpu(new ControlRegisters { Cr0 = 0x11 });
        Vcpu.EnterGuest();
    }

    public MmuMode Mode { get; }

    public Recorder Log { get; } = new();

    public KvmVm Vm { get; }

    public KvmVcpu Vcpu { get; }

    public ShadowPage Root => Vcpu.Mmu.Root.ShadowPage!;

    public void AddSlot(Memslot slot) => Replace(null, slot);

    public void Replace(Memslot? old, Memslot? updated)
    {
        Vm.Memslots.BeginSwap();
        Vm.Memslots.Replace(old, updated);
        Vm.Memslots.EndSwap();
    }

    /// <summary>Forgets the history so far.</summary>
    public DirectMachine Fresh()
    {
        Log.Clear();
        return this;
    }

    public ExitResult Read(ulong gpa) => Access(gpa, AccessKind.Read);

    public ExitResult Write(ulong gpa) => Access(gpa, AccessKind.Write);

    public ExitResult Fetch(ulong gpa) => Access(gpa, AccessKind.Fetch);

    /// <summary>A fault at the gpa, with the rights of the entry there as the CPU would tell them.</summary>
    public ExitResult Access(ulong gpa, AccessKind kind)
    {
        var rights = Last(gpa).Value;
        var exit = Mode == MmuMode.Ept ? EptViolation(gpa, kind, rights) : Npf(gpa, kind, rights);
        return Handle(exit);
    }

    public ExitResult Handle(in VmExit exit)
    {
        var result = Vcpu.HandleExit(exit);
        Vcpu.EnterGuest();
        return result;
    }

    public ExitResult Misconfig(ulong gpa) => Handle(new VmExit { Reason = ExitReason.EptMisconfig, Info2 = gpa, Gva = gpa });

    public ExitResult WriteCr(int number, ulong value) => Handle(new VmExit
    {
        Reason = number switch { 0 => ExitReason.Cr0Write, 3 => ExitReason.Cr3Write, _ => ExitReason.Cr4Write },
        Info2 = value,
    });

    public ExitResult WriteEfer(ulong value) => Handle(new VmExit { Reason = ExitReason.EferWrite, Info2 = value });

    /// <summary>The entry that a walk to the gpa ends at.</summary>
    public Sptep Last(ulong gpa)
    {
        var last = default(Sptep);
        for (var walk = ShadowWalk.From(Vcpu, gpa); walk.IsOkay; walk.Next())
            last = walk.Entry;
        return last;
    }

    /// <summary>The value of the leaf at the gpa without its frame.</summary>
    public ulong Flags(ulong gpa) => Last(gpa).Value.Raw & ~Spte.BaseAddressMask;

    /// <summary>The writes of the last action as "place old new", places by level and index.</summary>
    public IEnumerable<string> WriteLines() => Log.Writes.Select(write =>
        $"{write.Function.KernelName()} L{write.Level}[{write.Index}] {write.Old & ~Spte.BaseAddressMask:x} -> {write.New & ~Spte.BaseAddressMask:x}");

    private static VmExit EptViolation(ulong gpa, AccessKind kind, Spte entry) => new()
    {
        Reason = ExitReason.EptViolation,
        Info1 = 0x180 | (kind switch { AccessKind.Read => 1UL, AccessKind.Write => 2UL, _ => 4UL }) | (entry.Raw & 7) << 3,
        Info2 = gpa,
        Gva = gpa,
        Access = kind,
        Size = 8,
    };

    private static VmExit Npf(ulong gpa, AccessKind kind, Spte entry) => new()
    {
        Reason = ExitReason.Npf,
        Info1 = Pferr.GuestFinal | Pferr.User | (entry.Raw & 1)
            | (kind switch { AccessKind.Read => 0UL, AccessKind.Write => Pferr.Write, _ => Pferr.Fetch }),
        Info2 = gpa,
        Gva = gpa,
        Access = kind,
        Size = 8,
    };
}
