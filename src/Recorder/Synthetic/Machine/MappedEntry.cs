namespace Replay.Recorder.Synthetic.Machine;

/// <summary>A present leaf entry and its place.</summary>
public readonly record struct MappedEntry(EntryPlace Place, Gpte Entry);
