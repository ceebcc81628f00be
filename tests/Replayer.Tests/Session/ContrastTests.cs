using Replay.Recorder.Synthetic;
using Replay.Replayer.History;
using AllRecords = Replay.Replayer.Tests.Kvm.Recorder;

namespace Replay.Replayer.Tests.Session;

/// <summary>
/// What "KVM EPT implementation" (kvm list, 2013) says of the two ways: with EPT, INVLPG and CR3 loads make no exit and free no root, so that the tables are
/// hardly ever invalidated; with shadow paging they do, and the tables are invalidated often. In numbers, on one guest.
/// </summary>
public sealed class ContrastTests
{
    [Theory]
    [InlineData(MmuMode.Ept)]
    [InlineData(MmuMode.EptTdp)]
    [InlineData(MmuMode.Npt)]
    [InlineData(MmuMode.NptTdp)]
    public void Two_dimensional_paging_does_not_exit_for_the_guests_own_translations(MmuMode mode)
    {
        var (result, history) = Replay(mode, "4level");

        Assert.Equal(0, result.ExitsByReason.GetValueOrDefault(ExitReason.Cr3Write));
        Assert.Equal(0, result.ExitsByReason.GetValueOrDefault(ExitReason.Invlpg));
        Assert.Equal(0, result.ExitsByReason.GetValueOrDefault(ExitReason.Invpcid));
        Assert.Equal(0, result.ExitsByReason.GetValueOrDefault(ExitReason.PageFault));
        Assert.Equal(0, result.PagesByOperation.GetValueOrDefault(PageOperation.Unsync));
        Assert.Equal(0, result.PagesByOperation.GetValueOrDefault(PageOperation.Zap));
        Assert.Equal(0, result.FlushesByKind.GetValueOrDefault(FlushKind.Gva));
        Assert.Equal(0, result.Stats.Invlpg);
        Assert.DoesNotContain(history.Roots, root => root.Operation is RootOperation.Cache or RootOperation.FastSwitch);
    }

    [Fact]
    public void Shadow_paging_exits_for_each_of_them_and_its_tables_are_taken_apart()
    {
        var (result, history) = Replay(MmuMode.Shadow, "4level");
        var invlpgs = Ordinals("4level", Trace.TraceEventKind.Invlpg).Count;
        var cr3Writes = Ordinals("4level", Trace.TraceEventKind.Cr3Write).Count;

        Assert.NotEqual(0, invlpgs);
        Assert.NotEqual(0, cr3Writes);
        Assert.Equal(invlpgs, result.ExitsByReason[ExitReason.Invlpg]);
        Assert.Equal(invlpgs, result.Stats.Invlpg);
        Assert.Equal(cr3Writes, result.ExitsByReason[ExitReason.Cr3Write]);
        Assert.True(result.FlushesByKind[FlushKind.Gva] >= invlpgs);
        Assert.NotEqual(0, result.FlushesByKind[FlushKind.Current]);
        Assert.NotEqual(0, result.FlushesByKind[FlushKind.Remote] + result.FlushesByKind[FlushKind.RemoteRange]);
        Assert.NotEqual(0, result.PagesByOperation[PageOperation.Unsync]);
        Assert.NotEqual(0, result.PagesByOperation[PageOperation.Sync]);
        Assert.NotEqual(0, result.PagesByOperation[PageOperation.Zap]);
        Assert.Contains(history.Roots, root => root.Operation == RootOperation.FastSwitch);
        Assert.Contains(history.Roots, root => root.Operation == RootOperation.Free);
    }

    /// <summary>Roots of PAE form are not kept: a CR3 load that changes the PDPTEs frees them.</summary>
    [Fact]
    public void A_PAE_guests_CR3_load_frees_its_shadow_roots_and_no_EPT_root()
    {
        var loads = Ordinals("pae", Trace.TraceEventKind.Cr3Write);

        Assert.Contains(Frees(MmuMode.Shadow), loads.Contains);
        Assert.DoesNotContain(Frees(MmuMode.Ept), loads.Contains);

        static IEnumerable<long> Frees(MmuMode mode) =>
            Replay(mode, "pae").History.Roots.Where(root => root.Operation == RootOperation.Free).Select(root => root.Ordinal);
    }

    /// <summary>Reverse maps and links to parents are records of their own: they write no entry.</summary>
    [Fact]
    public void Every_leaf_and_every_link_is_told_apart_from_the_write()
    {
        var (result, history) = Replay(MmuMode.Shadow, "4level");
        var added = history.Rmaps.Count(record => record.Operation == RmapOperation.Add);
        var removed = history.Rmaps.Count(record => record.Operation == RmapOperation.Remove);
        var linked = history.Rmaps.Where(record => record.Operation == RmapOperation.AddParent).ToList();

        Assert.Equal(result.Stats.Pages(1) + result.Stats.Pages(2) + result.Stats.Pages(3), added - removed);
        Assert.NotEmpty(linked);
        Assert.All(linked, record => Assert.NotEqual(0, record.ChildId));
    }

    private static (ReplayResult Result, AllRecords History) Replay(MmuMode mode, string paging)
    {
        var history = new AllRecords();
        return (ReplaySession.Run(Guest(paging), new ReplayOptions { Mode = mode }, history), history);
    }

    private static HashSet<long> Ordinals(string paging, Trace.TraceEventKind kind)
    {
        var ordinals = new HashSet<long>();
        var source = Guest(paging);
        var chunk = new Trace.TraceChunk();
        while (source.TryRead(chunk))
        {
            ordinals.UnionWith(chunk.Events.Where(row => row.Kind == kind).Select(row => row.Ordinal));
            chunk.Clear();
        }

        return ordinals;
    }

    private static SyntheticSource Guest(string paging) => new(new SyntheticOptions
    {
        Workload = "random",
        Knobs = new Dictionary<string, string> { ["paging"] = paging, ["operations"] = "4000", ["nx-toggle"] = "false" },
    });
}
