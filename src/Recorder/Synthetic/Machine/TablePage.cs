using Replay.Trace;

namespace Replay.Recorder.Synthetic.Machine;

/// <summary>A page table of an address space, and the entry that leads to it.</summary>
internal readonly record struct TablePage(Gfn Gfn, EntryPlace Parent);
