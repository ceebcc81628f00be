namespace Replay.Trace.Tests;

/// <summary>One access, as tests compare it.</summary>
internal readonly record struct Row(long Ordinal, byte Vcpu, AccessKind Kind, AccessFlags Flags, ulong Gva, ulong Gpa, byte Size, ulong Rip);
