namespace Replay.Replayer.Tests.Kvm;

/// <summary>Where a test's memslot lies and what host addresses are behind it.</summary>
internal sealed record MemslotShape(ulong BaseGfn = 0, ulong PageCount = DirectMachine.MemoryPages, ulong Hva = 0);
