using System.Runtime.InteropServices;

namespace Replay.Replayer.History;

/// <summary>One change of a reverse map or of a page's list of parents.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
public readonly record struct RmapRecord
{
    public long Seq { get; init; }

    public long Ordinal { get; init; }

    /// <summary>The gfn whose list changed; for parents the gfn of the child page.</summary>
    public ulong Gfn { get; init; }

    /// <summary>Table that holds the entry.</summary>
    public int TableId { get; init; }

    /// <summary>For parents: the child page. Otherwise 0.</summary>
    public int ChildId { get; init; }

    public int FaultId { get; init; }

    public int ChainId { get; init; }

    public ushort Index { get; init; }

    public RmapOperation Operation { get; init; }

    /// <summary>Level of the entry.</summary>
    public byte Level { get; init; }
}
