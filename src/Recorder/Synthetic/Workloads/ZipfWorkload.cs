namespace Replay.Recorder.Synthetic.Workloads;

/// <summary>A few pages get most of the accesses.</summary>
internal sealed class ZipfWorkload : ThroughputWorkload
{
    public override string Name => "zipf";

    public override string Description => "A program's accesses fall on its pages by Zipf's law, hot pages anywhere in memory: locality as real programs have it.";

    public override IReadOnlyList<Knob> Knobs { get; } = [.. BasicKnobs];

    protected override OffsetSource Offsets(WorkloadContext context)
    {
        var random = context.Random.Fork();
        var pages = PageOrder.Of(context.Knobs.Number("pages"), isRandom: true, random).ToArray();
        var ranks = new ZipfSampler(pages.Length);
        return offsets =>
        {
            foreach (ref var offset in offsets)
                offset = (pages[ranks.Next(random)] << 12) + (random.Below(512UL) * 8);
        };
    }
}
