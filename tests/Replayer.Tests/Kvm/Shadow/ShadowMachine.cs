using Replay.Replayer.Guest;
using Replay.Replayer.Hardware;
using Replay.Replayer.History;
using Replay.Replayer.Kvm;
using Replay.Replayer.Kvm.Host;
using Replay.Replayer.Kvm.Mmu;
using Replay.Replayer.Tests.Guest;
using Replay.Trace;

namespace Replay.Replayer.Tests.Kvm;

/// <summary>
/// A VM in mode shadow: one vCPU with its CPU model, 64 MiB at gpa 0, and a guest whose tables begin at gfn 0x100, the root first, the
/// others in the order in which the test maps something.
/// </summary>
internal sealed class ShadowMachine
{
    public const ulong MemoryPages = 0x4000;

    /// <summary>gfn of the guest's first table, the one CR3 names.</summary>
    public const ulong RootGfn = 0x100;

    private long _ordinal;

    public ShadowMachine(PagingMode paging = PagingMode.Level4, HostProfile? profile = null, HostBacking? backing = null, bool logDirty = false, KvmBehaviour? kernel = null)
    {
        profile ??= HostProfiles.Amd;
        Guest = new GuestTableBuilder(paging, RootGfn << 12);
        if (paging == PagingMode.None)
            Guest.Registers.Cr0 = ControlBits.Cr0Pe;
        Journal = new Journal(Log);
        Vm = new KvmVm(Journal, Guest.Memory, MmuMode.Shadow, profile, kernel ?? KvmBehaviour.Linux61, backing);
        Replace(null, new Memslot(0, 0, MemoryPages, 0, logDirty: logDirty));
        Vcpu = Vm.CreateVcpu(Guest.Registers);
        Cpu = new Cpu(new CpuSetup
        {
            Mode = MmuMode.Shadow,
            Profile = profile,
            Journal = Journal,
            Memory = Guest.Memory,
            Registers = Guest.Registers,
            Hypervisor = Vcpu,
            Pages = Vm.Pages,
            Writer = Vm.Writer,
        });
    }

    public GuestTableBuilder Guest { get; }

    public ControlRegisters Registers => Guest.Registers;

    public Recorder Log { get; } = new();

    public Journal Journal { get; }

    public KvmVm Vm { get; }

    public KvmVcpu Vcpu { get; }

    public Cpu Cpu { get; }

    public KvmStats Stats => Vm.Stats;

    public ShadowPage Root => Vcpu.Mmu.Root.ShadowPage!;

    public Memslot Slot => Vm.Memslots.Find(0)!;

    /// <summary>Page operations of the last action, as "operation gfn level".</summary>
    public IEnumerable<string> PageLines() => Log.Pages.Where(page => page.Operation is not PageOperation.Free && page.IsSpecial == 0)
        .Select(page => $"{page.Operation} {page.Gfn:x} l{page.Level}".ToLowerInvariant());

    /// <summary>The entry writes of the last action, without frames; those of the CPU are left out.</summary>
    public IEnumerable<string> WriteLines() => Log.Writes.Where(write => write.Actor == Actor.Kvm).Select(write =>
        $"{write.Function.KernelName()} L{write.Level}[{write.Index}] {write.Old & ~Spte.BaseAddressMask:x} -> {write.New & ~Spte.BaseAddressMask:x}");

    public IEnumerable<ExitReason> ExitReasons() => Log.Exits.Select(exit => exit.Reason);

    public void Replace(Memslot? old, Memslot? updated)
    {
        Vm.Memslots.BeginSwap();
        Vm.Memslots.Replace(old, updated);
        Vm.Memslots.EndSwap();
    }

    /// <summary>Forgets the history so far.</summary>
    public ShadowMachine Fresh()
    {
        Log.Clear();
        return this;
    }

    /// <summary>The vCPU enters the guest.</summary>
    public ShadowMachine Enter()
    {
        Vcpu.EnterGuest();
        return this;
    }

    public AccessOutcome Read(ulong gva, AccessFlags flags = AccessFlags.None) => Access(gva, AccessKind.Read, flags);

    public AccessOutcome Write(ulong gva, AccessFlags flags = AccessFlags.None) => Access(gva, AccessKind.Write, flags);

    public AccessOutcome Fetch(ulong gva, AccessFlags flags = AccessFlags.None) => Access(gva, AccessKind.Fetch, flags);

    /// <summary>The guest stores a table entry through one of its mappings.</summary>
    /// <param name="gva">Where.</param>
    /// <param name="gpa">The entry that lies there.</param>
    /// <param name="value">What.</param>
    /// <param name="size">Bytes.</param>
    /// <param name="instruction">By which kind of instruction.</param>
    public AccessOutcome Store(ulong gva, ulong gpa, ulong value, int size = 8, StoreInstruction instruction = StoreInstruction.Untold)
    {
        var outcome = Access(gva, AccessKind.Write, AccessFlags.None, value, size, instruction);
        if (outcome == AccessOutcome.Completed)
            Guest.Memory.Store(gpa, value, size);
        return outcome;
    }

    /// <summary>The entry that the CPU's walk to the gva ends at.</summary>
    public Sptep Last(ulong gva)
    {
        var last = default(Sptep);
        for (var walk = ShadowWalk.From(Vcpu, gva); walk.IsOkay; walk.Next())
            last = walk.Entry;
        return last;
    }

    /// <summary>The value of the entry at the gva without its frame.</summary>
    public ulong Flags(ulong gva) => Last(gva).Value.Raw & ~Spte.BaseAddressMask;

    /// <summary>The shadow pages of a guest table that are in use.</summary>
    public IReadOnlyList<ShadowPage> PagesOf(ulong gfn)
    {
        var pages = new List<ShadowPage>();
        for (var page = Vm.ShadowMmu.PageHash.Bucket(gfn); page is not null; page = page.HashNext)
        {
            if (page.Gfn == gfn && !Vm.IsObsolete(page))
                pages.Add(page);
        }

        return pages;
    }

    public ShadowPage PageOf(ulong gfn) => Assert.Single(PagesOf(gfn));

    /// <summary>The host frame behind a gfn.</summary>
    public ulong FrameOf(ulong gfn) => Vm.HostMemory.TryGetFrame(Slot, gfn, out var pfn) ? pfn : throw new InvalidOperationException($"gfn {gfn:x} has no frame");

    /// <summary>Everything that KVM keeps agrees with itself.</summary>
    public void Audit() => new MmuAudit(Vm).Check();

    private AccessOutcome Access(ulong gva, AccessKind kind, AccessFlags flags, ulong? value = null, int size = 8, StoreInstruction instruction = StoreInstruction.Untold)
    {
        Journal.Ordinal = ++_ordinal;
        return Cpu.Access(new CpuAccess { Gva = gva, Kind = kind, Flags = flags, Size = (byte)size, Value = value, Instruction = instruction }, out _);
    }
}
