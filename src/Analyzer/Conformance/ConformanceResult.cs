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

    /// <summary>Where the two sides part first.</summary>
    public Divergence? FirstDivergence { get; init; }

    public IEnumerable<ConformanceClass> Classes => [Writes, Operations, Flushes, Tables];

    public bool IsComplete => Classes.All(one => one.Alignment.IsComplete);

    internal static ConformanceResult Of(ConformanceCase conformanceCase, ConformanceSequences observed, ConformanceSequences model, GuestProgram program)
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
