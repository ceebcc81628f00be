namespace Replay.Analyzer.Conformance;

/// <summary>A part of a guest's program that the VMM copies into guest memory.</summary>
/// <param name="Gpa">First byte.</param>
/// <param name="Length">Bytes.</param>
public readonly record struct GuestSegment(ulong Gpa, ulong Length);
