using System.Runtime.InteropServices;

namespace Replay.Replayer.History;

/// <summary>One occurrence of a <see cref="ModelNote"/>. Occurrences are counted without limit and reported up to a limit per kind.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
public readonly record struct ModelNoteRecord
{
    public long Seq { get; init; }

    public long Ordinal { get; init; }

    public ulong Gva { get; init; }

    /// <summary>What the capture says (an address or a code).</summary>
    public ulong Recorded { get; init; }

    /// <summary>What the model says.</summary>
    public ulong Modelled { get; init; }

    public ModelNote Kind { get; init; }

    public byte Vcpu { get; init; }

    /// <summary>Of the instruction; 0 where the capture has none.</summary>
    public ulong Rip { get; init; }
}
