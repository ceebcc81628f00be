namespace Replay.Analyzer.Store;

/// <summary>One counter of a run.</summary>
/// <param name="Name">KVM's own name where KVM has it.</param>
/// <param name="Value">Its value at the end.</param>
/// <param name="Meaning">What it counts.</param>
public sealed record Counter(string Name, long Value, string Meaning);
