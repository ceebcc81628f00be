using Replay.Replayer.Guest;
using Replay.Replayer.Hardware;
using Replay.Replayer.History;
using Replay.Replayer.Kvm;
using Replay.Replayer.SavedState;

namespace Replay.Replayer.Session;

/// <summary>The three rooms: guest memory, the CPUs, and KVM.</summary>
internal sealed class Machine
{
    private readonly ReplayOptions _options;
    [NotState("whoever wants to know sets it")]
    private readonly WalkRecorder? _recorder;

    private readonly List<Cpu> _cpus = [];
    private readonly List<KvmVcpu> _vcpus = [];

    public Machine(ReplayOptions options, Journal journal, int vcpus)
    {
        _options = options;
        _recorder = options.Walks is { } observer ? new WalkRecorder(observer) : null;
        Journal = journal;
        Vm = new KvmVm(journal, Memory, options.Mode, options.EffectiveProfile, options.Kernel, options.Backing, options.UseTlb);
        for (var i = 0; i < Math.Max(vcpus, 1); i++)
            Add();
    }

    public Journal Journal { get; }

    public GuestMemory Memory { get; } = new();

    public KvmVm Vm { get; }

    public VerifyTotals Verify { get; } = new();

    public WalkCounts Walks { get; } = new();

    public ExpandedChunk Expanded { get; } = new();

    public Cpu Cpu(byte vcpu)
    {
        while (_cpus.Count <= vcpu)
            Add();
        return _cpus[vcpu];
    }

    public KvmVcpu Vcpu(byte vcpu)
    {
        _ = Cpu(vcpu);
        return _vcpus[vcpu];
    }

    private void Add()
    {
        var registers = new ControlRegisters();
        var vcpu = Vm.CreateVcpu(registers);
        _vcpus.Add(vcpu);
        _cpus.Add(new Cpu(new CpuSetup
        {
            Id = (byte)_cpus.Count,
            Mode = _options.Mode,
            Profile = _options.EffectiveProfile,
            Journal = Journal,
            Memory = Memory,
            Registers = registers,
            Hypervisor = vcpu,
            Pages = Vm.Pages,
            Writer = Vm.Writer,
            Verify = Verify,
            Walks = Walks,
            Expanded = Expanded,
            UseTlb = _options.UseTlb,
            InstructionAt = _options.InstructionAt,
            Recorder = _recorder,
        }));
    }
}
