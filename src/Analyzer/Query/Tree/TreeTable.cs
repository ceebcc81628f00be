namespace Replay.Analyzer.Query.Tree;

/// <summary>A table of a tree.</summary>
/// <param name="TableId">Number of the page within the run.</param>
/// <param name="Level">1 (PT) to 5 (PML5).</param>
/// <param name="Gfn">First guest frame that it translates, or the frame of the guest table that it shadows.</param>
/// <param name="Hpa">Where it is.</param>
/// <param name="Direct">Translates guest-physical addresses; otherwise guest-virtual ones.</param>
/// <param name="Role">KVM's role word.</param>
/// <param name="Entries">Entries that are not 0, in order; null: not read, because the tree was to be no deeper.</param>
public sealed record TreeTable(long TableId, int Level, ulong Gfn, ulong Hpa, bool Direct, uint Role, IReadOnlyList<TreeEntry>? Entries)
{
    private static readonly string[] Names = ["", "PT", "PD", "PDPT", "PML4", "PML5"];

    /// <summary>The SDM's name of a table of this level.</summary>
    public string Name => Names[Level];
}
