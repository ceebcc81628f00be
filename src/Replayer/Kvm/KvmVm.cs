using Replay.Replayer.Guest;
using Replay.Replayer.History;
using Replay.Replayer.Kvm.Host;
using Replay.Replayer.Kvm.Mmu;
using Replay.Replayer.Kvm.Mmu.Tdp;

namespace Replay.Replayer.Kvm;

/// <summary>One virtual machine: its memory, its vCPUs and what the MMU keeps for all of them.</summary>
/// <remarks>KVM: struct kvm, struct kvm_arch.</remarks>
public sealed class KvmVm
{
    private readonly List<KvmVcpu> _vcpus = [];

    /// <param name="journal">Where everything that happens is reported.</param>
    /// <param name="guestMemory">The guest's tables.</param>
    /// <param name="mode">Which MMU.</param>
    /// <param name="profile">The host.</param>
    /// <param name="kernel">Whose KVM.</param>
    /// <param name="backing">How the host backs guest memory; null for small pages.</param>
    /// <param name="remembersWalks">See <see cref="WalkCache"/>.</param>
    public KvmVm(Journal journal, GuestMemory guestMemory, MmuMode mode, HostProfile profile, KvmBehaviour kernel, HostBacking? backing = null, bool remembersWalks = true)
    {
        ArgumentNullException.ThrowIfNull(journal);
        ArgumentNullException.ThrowIfNull(profile);
        ArgumentNullException.ThrowIfNull(kernel);
        Journal = journal;
        GuestMemory = guestMemory;
        Mode = mode;
        Profile = profile;
        Kernel = kernel;
        Format = SpteFormats.For(mode, profile, kernel);
        Writer = new TableWriter(journal);
        Pages = new TablePages(journal, kernel, mode.IsTwoDimensional());
        WalkCache = new KvmWalkCache(journal, Writer, Pages, remembersWalks);
        Tlb = new TlbFlusher(this);
        HostMemory = new HostMemory(backing ?? HostBacking.Pages4K, kernel);
        HugePages = new HugePages(this);
        NxHugePages = new NxHugePages(this);
        ShadowMmu = new ShadowMmu(this);
        TdpMmu = new TdpMmu(this, ShadowMmu.SpteMaker);
        Backends = new MmuBackends(this);
        HostEvents = new HostEvents(this, ShadowMmu);
    }

    public Journal Journal { get; }

    public GuestMemory GuestMemory { get; }

    public MmuMode Mode { get; }

    public HostProfile Profile { get; }

    /// <summary>What this kernel does unlike others.</summary>
    public KvmBehaviour Kernel { get; }

    public SpteFormat Format { get; }

    public TableWriter Writer { get; }

    public TablePages Pages { get; }

    /// <summary>Spares walks from direct roots; the history is the same without.</summary>
    public KvmWalkCache WalkCache { get; }

    public KvmStats Stats { get; } = new();

    public Memslots Memslots { get; } = new();

    public TlbFlusher Tlb { get; }

    /// <summary>The host's side of guest memory.</summary>
    public HostMemory HostMemory { get; }

    public HugePages HugePages { get; }

    public NxHugePages NxHugePages { get; }

    public ShadowMmu ShadowMmu { get; }

    /// <summary>Makes no root unless <see cref="TdpMmuEnabled"/>.</summary>
    public TdpMmu TdpMmu { get; }

    /// <summary>The builders of tables that this VM has, for what concerns them all.</summary>
    internal MmuBackends Backends { get; }

    /// <summary>What userspace and the host do to the VM.</summary>
    public HostEvents HostEvents { get; }

    public IReadOnlyList<KvmVcpu> Vcpus => _vcpus;

    /// <summary>tdp_enabled: the hardware walks in two dimensions.</summary>
    public bool TdpEnabled => Mode.IsTwoDimensional();

    /// <summary>Direct roots are the TDP MMU's. Roots that shadow a guest's tables never are.</summary>
    /// <remarks>KVM: is_tdp_mmu_enabled().</remarks>
    public bool TdpMmuEnabled => Mode.UsesTdpMmu();

    /// <summary>The largest gfn that the tables can translate.</summary>
    /// <remarks>KVM: kvm_mmu_max_gfn().</remarks>
    public ulong MaxGfn => (1UL << ((TdpEnabled ? Profile.PhysicalAddressBits : 52) - 12)) - 1;

    /// <summary>mmu_valid_gen: pages of the other generation are obsolete.</summary>
    public byte ValidGeneration { get; internal set; }

    /// <summary>What MMIO entries, and vCPUs that remember the last one, are good for.</summary>
    internal ulong MmioGeneration => Kernel.MmioEntriesHaveGeneration ? Memslots.Generation : 0;

    /// <summary>Writable mappings may be dirty-logged by the CPU (PML).</summary>
    /// <remarks>KVM: kvm_x86_ops.cpu_dirty_log_size.</remarks>
    public bool CpuDirtyLog => Profile is { Vendor: CpuVendor.Intel, Pml: true, EptAdBits: true } && TdpEnabled && Kernel.HasPml;

    /// <summary>
    /// How userspace wants dirty logs: whether it is KVM_CLEAR_DIRTY_LOG that protects pages anew and not the reading of the log, and whether
    /// all pages count as dirty when logging begins.
    /// </summary>
    /// <remarks>KVM: manual_dirty_log_protect, KVM_DIRTY_LOG_INITIALLY_SET.</remarks>
    public (bool Protect, bool InitiallySet) ManualDirtyLog { get; internal set; }

    /// <summary>A memslot's dirty pages are logged.</summary>
    /// <remarks>KVM: nr_memslots_dirty_logging.</remarks>
    public bool LogsDirty
    {
        get
        {
            foreach (var slot in Memslots.All)
            {
                if (slot.LogsDirty)
                    return true;
            }

            return false;
        }
    }

    /// <summary>How a fault ends that writes a page which stays write-protected.</summary>
    internal RetPf WriteProtectedOutcome => Kernel.WriteProtectedIsAnOutcome ? RetPf.WriteProtected : RetPf.Emulate;

    /// <summary>MMU-notifier invalidations, as faults must see them.</summary>
    public MmuInvalidation Invalidation { get; } = new();

    /// <summary>No vCPU may use the page any more.</summary>
    /// <remarks>KVM: is_obsolete_sp().</remarks>
    public bool IsObsolete(ShadowPage page)
    {
        ArgumentNullException.ThrowIfNull(page);
        return page.Role.Invalid || (!page.IsTdp && page.ValidGeneration != ValidGeneration);
    }

    /// <summary>Adds a vCPU whose registers the CPU model shares.</summary>
    public KvmVcpu CreateVcpu(ControlRegisters registers)
    {
        var vcpu = new KvmVcpu(this, ShadowMmu, _vcpus.Count, registers);
        _vcpus.Add(vcpu);
        if (_vcpus.Count == 1)
            HostEvents.CreatePrivateMemslots();
        return vcpu;
    }

    /// <remarks>KVM: kvm_make_all_cpus_request().</remarks>
    public void MakeAllCpusRequest(VcpuRequests request)
    {
        foreach (var vcpu in _vcpus)
            vcpu.Requests |= request;
    }
}
