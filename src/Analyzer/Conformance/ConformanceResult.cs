using Replay.Replayer;
using Replay.Replayer.Kvm;

namespace Replay.Analyzer.Conformance;

/// <summary>What a comparison of one case came to.</summary>
public sealed record ConformanceResult
{
    /// <summary>Payload and variant.</summary>
    public required string Case { get; init; }

    public required string Mode { get; init; }

    public required string HostProfile { get; init; }

    /// <summary>The kernel that was recorded, as <see cref="KvmBehaviour.Name"/> has it.</summary>
    public required string Kernel { get; init; }

    public required ConformanceClass Writes { get; init; }

    public required ConformanceClass Operations { get; init; }

    public required ConformanceClass Flushes { get; init; }

    /// <summary>Without the accessed and dirty bits of present entries.</summary>
    public required ConformanceClass Tables { get; init; }

    /// <summary>The same lines with these bits: they are the CPU's, and a difference in them is none of KVM's.</summary>
    public required Alignment TablesWithAccessedDirty { get; init; }

    /// <summary>The last checkpoint that was compared; null: all that the guest did.</summary>
    public byte? ComparedTo { get; init; }

    /// <summary>The real guest came to an end behind this checkpoint, where the captured one went on: what follows cannot be compared.</summary>
    public byte? EndedBehind { get; init; }

    /// <summary>Where the two sides part first.</summary>
    public ConformanceDivergence? FirstDivergence { get; init; }

    public IEnumerable<ConformanceClass> Classes => [Writes, Operations, Flushes, Tables];

    public bool IsComplete => Classes.All(one => one.Alignment.IsComplete);

    internal static ConformanceResult Of(ConformanceCase conformanceCase, ConformanceSequences observed, ConformanceSequences model, CaseProgram program)
    {
        var bits = conformanceCase.Mode.UsesEptFormat() ? SpteText.EptAccessedDirty : SpteText.X86AccessedDirty;
        if (!observed.ShowsAsidFlushes)
            model.Flushes.RemoveAll(item => item.Text == ObservedFlushes.Asid);
        if (conformanceCase.Vcpus > 1)
        {
            observed.Flushes.RemoveAll(item => item.Text == ObservedFlushes.All);
            model.Flushes.RemoveAll(item => item.Text == ObservedFlushes.All);
        }

        var observedTables = WithoutBits(observed.Tables, bits);
        var modelTables = WithoutBits(model.Tables, bits);
        var result = new ConformanceResult
        {
            Case = conformanceCase.Name,
            Mode = conformanceCase.Mode.Name(),
            HostProfile = conformanceCase.HostProfile,
            Kernel = conformanceCase.Kernel.Name,
            ComparedTo = conformanceCase.UntilCheckpoint,
            Writes = new ConformanceClass("writes", Alignment.Of(observed.Writes, model.Writes)),
            Operations = new ConformanceClass("operations", Alignment.Of(observed.Operations, model.Operations)),
            Flushes = new ConformanceClass("flushes", Alignment.Of(observed.Flushes, model.Flushes)),
            Tables = new ConformanceClass("tables", Alignment.Of(observedTables, modelTables)),
            TablesWithAccessedDirty = Alignment.Of(observed.Tables, model.Tables),
        };
        var builder = new DivergenceBuilder(model.Chains, program);
        var first = builder.First(
            (result.Writes, observed.Writes, model.Writes),
            (result.Operations, observed.Operations, model.Operations),
            (result.Flushes, observed.Flushes, model.Flushes),
            (result.Tables, observedTables, modelTables));
        return result with { FirstDivergence = first };
    }

    private static List<ConformanceItem> WithoutBits(List<ConformanceItem> lines, ulong bits) =>
        [.. lines.Select(line => line.Text.StartsWith("  ", StringComparison.Ordinal) ? line with { Text = SpteText.WithoutHardwareBits(line.Text, bits) } : line)];
}

/// <summary>One of the four kinds of things that are compared.</summary>
/// <param name="Name"><c>writes</c>, <c>operations</c>, <c>flushes</c> or <c>tables</c>.</param>
/// <param name="Alignment">How the two sides line up.</param>
public sealed record ConformanceClass(string Name, Alignment Alignment);

/// <summary>One thing a KVM did, real or modelled, in the common form that both sides are brought to.</summary>
/// <param name="Text">The canonical text; two items are the same when their texts are.</param>
/// <param name="Source">Where it comes from: the line of the trace, or the ordinal of the model's event.</param>
public readonly record struct ConformanceItem(string Text, long Source)
{
    /// <summary>The model's call chain, see <see cref="ConformanceSequences.Chains"/>; 0 where there is none.</summary>
    public int Chain { get; init; }

    /// <summary>The model's guest instruction; 0 where the capture has none.</summary>
    public ulong Rip { get; init; }

    public override string ToString() => Text;
}

/// <summary>What a KVM did in one case, in order: entry writes, operations, and its tables at the checkpoints.</summary>
public sealed class ConformanceSequences
{
    /// <summary>Every entry write: place, old value, new value.</summary>
    public List<ConformanceItem> Writes { get; } = [];

    /// <summary>Faults, pages, roots, leaf sets, MMIO marks, fast faults, guest-visible #PF.</summary>
    public List<ConformanceItem> Operations { get; } = [];

    /// <summary>Requests to flush all vCPUs, and flushes of the vCPU's own TLB.</summary>
    public List<ConformanceItem> Flushes { get; } = [];

    /// <summary>All tables at each checkpoint and at the end, a line for each root, page and entry.</summary>
    public List<ConformanceItem> Tables { get; } = [];

    /// <summary>Flushes of an ASID, by none of the other flushes, are among the flushes.</summary>
    public bool ShowsAsidFlushes { get; set; } = true;

    /// <summary>The model's call chains by number, outermost function first.</summary>
    public Dictionary<int, IReadOnlyList<string>> Chains { get; } = [];

    internal (int Writes, int Operations, int Flushes, int Tables) Lengths => (Writes.Count, Operations.Count, Flushes.Count, Tables.Count);

    /// <summary>Leaves out what has come since the sequences were as long as that.</summary>
    internal void Shorten((int Writes, int Operations, int Flushes, int Tables) lengths)
    {
        Shorten(Writes, lengths.Writes);
        Shorten(Operations, lengths.Operations);
        Shorten(Flushes, lengths.Flushes);
        Shorten(Tables, lengths.Tables);

        static void Shorten(List<ConformanceItem> items, int length) => items.RemoveRange(length, items.Count - length);
    }
}
