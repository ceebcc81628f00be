namespace Replay.Recorder.Synthetic.Machine;

/// <summary>A range of a program's addresses that may be touched, and how.</summary>
public sealed record MemoryArea
{
    public required ulong Start { get; init; }

    public required ulong Bytes { get; init; }

    public bool Writable { get; init; } = true;

    public bool Executable { get; init; }

    /// <summary>Level of the pages to map it with: 1 is 4 KiB; above, large pages where the area is aligned for them.</summary>
    public int PageLevel { get; init; } = 1;

    public ulong End => Start + Bytes;

    public bool Contains(ulong gva) => gva - Start < Bytes;
}
