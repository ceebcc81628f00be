using Replay.Replayer.Kvm.Mmu;

namespace Replay.Replayer.Kvm;

/// <summary>What the CPU starts KVM's tables from.</summary>
/// <param name="Table">The root page; null while KVM has loaded none.</param>
/// <param name="Level">Levels the hardware walks: 5, 4, or 3 for PAE (where <paramref name="Table"/> holds the four PDPTEs).</param>
/// <param name="Register">EPTP, nCR3 or CR3.</param>
public readonly record struct HardwareRoot(TablePage? Table, int Level, ulong Register);
