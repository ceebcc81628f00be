namespace Replay.Replayer.Kvm.Mmu;

/// <summary>A table page as KVM's lists hold it.</summary>
/// <param name="Page">The page.</param>
/// <param name="List"><c>active</c>, <c>tdp_roots</c> or <c>tdp_pages</c>.</param>
/// <param name="Parents">The entries that point at it.</param>
public sealed record DumpedPage(ShadowPage Page, string List, IReadOnlyList<(TablePage Table, int Index)> Parents);
