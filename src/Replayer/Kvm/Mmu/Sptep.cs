namespace Replay.Replayer.Kvm.Mmu;

/// <summary>A place in a table page: what KVM's code holds as <c>u64 *sptep</c>.</summary>
public readonly record struct Sptep(ShadowPage Page, int Index)
{
    public Spte Value => Page[Index];

    /// <summary>The level of the entry.</summary>
    public int Level => Page.Role.Level;

    /// <summary>First gfn that the entry translates.</summary>
    public ulong Gfn => Page.GfnAt(Index);

    /// <summary>The place in 31 bits, as reverse maps hold it: the page's frame number in the pool, then the index. Never 0.</summary>
    /// <remarks><see cref="TablePages.Unpack"/> is the way back.</remarks>
    internal int Packed => Page.Frame << 9 | Index;

    public override string ToString() => $"{Page.Id}[{Index}]";
}
