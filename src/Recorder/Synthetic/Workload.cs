using Replay.Recorder.Synthetic.Machine;
using Replay.Recorder.Synthetic.Workloads;

namespace Replay.Recorder.Synthetic;

/// <summary>A named guest program with knobs. It has no state: a run's state is in its <see cref="WorkloadContext"/>.</summary>
public abstract class Workload
{
    protected static readonly IReadOnlyList<SyntheticPaging> AllModes =
        [SyntheticPaging.Off, SyntheticPaging.TwoLevel, SyntheticPaging.Pae, SyntheticPaging.FourLevel, SyntheticPaging.FiveLevel];

    protected static readonly IReadOnlyList<SyntheticPaging> PagedModes =
        [SyntheticPaging.TwoLevel, SyntheticPaging.Pae, SyntheticPaging.FourLevel, SyntheticPaging.FiveLevel];

    public abstract string Name { get; }

    /// <summary>One sentence: what the guest does and which part of an MMU that exercises.</summary>
    public abstract string Description { get; }

    /// <summary>The paging modes it can run in.</summary>
    public abstract IReadOnlyList<SyntheticPaging> Modes { get; }

    /// <summary>The knobs only this workload has.</summary>
    public abstract IReadOnlyList<Knob> Knobs { get; }

    /// <summary>Every knob: the common ones, then its own.</summary>
    public IReadOnlyList<Knob> AllKnobs => [.. CommonKnobs(), .. Knobs];

    /// <summary>vCPUs it can use.</summary>
    protected virtual int MaxVcpus => 1;

    /// <summary>Whether it cannot do without large guest pages.</summary>
    protected virtual bool NeedsLargePages => false;

    protected virtual string DefaultMemory => "64M";

    protected virtual SyntheticPaging DefaultMode => Modes.Contains(SyntheticPaging.FourLevel) ? SyntheticPaging.FourLevel : Modes[0];

    /// <summary>Kernel settings for a run, from its knobs.</summary>
    public virtual KernelOptions KernelOptions(KnobValues knobs) => new()
    {
        Paging = Modes.First(mode => !knobs.Has("paging") || string.Equals(PagingFormat.Name(mode), knobs.Choice("paging"), StringComparison.Ordinal)),
        PageSizeExtension = !knobs.Has("pse") || knobs.Flag("pse"),
        Pcid = knobs.Has("pcid") && knobs.Flag("pcid"),
        ZeroPage = !knobs.Has("zero-page") || knobs.Flag("zero-page"),
    };

    /// <summary>The guest's life, from power-on; each turn makes some accesses.</summary>
    public abstract IEnumerable<WorkloadTurn> Run(WorkloadContext context);

    private IEnumerable<Knob> CommonKnobs()
    {
        var modes = Modes.Select(PagingFormat.Name).ToList();
        if (modes.Count > 1)
            yield return Knob.Choice("paging", PagingFormat.Name(DefaultMode), modes, "paging mode of the guest");
        yield return Knob.Bytes("memory", DefaultMemory, "guest RAM", min: 8 << 20, max: 1L << 40);
        if (MaxVcpus > 1)
            yield return Knob.Number("vcpus", 1, "vCPUs; they take turns", max: MaxVcpus);
        if (Modes.Contains(SyntheticPaging.TwoLevel) && !NeedsLargePages)
            yield return Knob.Flag("pse", true, "32-bit paging: CR4.PSE, the kernel maps itself with 4M pages");
        if (Modes.Contains(SyntheticPaging.FourLevel))
            yield return Knob.Flag("pcid", false, "long modes: CR4.PCIDE, switches keep translations");
    }
}
