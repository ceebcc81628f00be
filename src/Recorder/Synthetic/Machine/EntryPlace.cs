using Replay.Trace;

namespace Replay.Recorder.Synthetic.Machine;

/// <summary>One entry of a guest page table.</summary>
/// <param name="Gpa">Where it is in memory.</param>
/// <param name="Level">The level of its table, 1 for entries that map 4 KiB.</param>
/// <param name="Gva">The first address it translates.</param>
public readonly record struct EntryPlace(Gpa Gpa, int Level, ulong Gva);
