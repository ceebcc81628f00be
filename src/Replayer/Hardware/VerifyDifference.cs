namespace Replay.Replayer.Hardware;

/// <summary>An access that the model translates otherwise than the source saw.</summary>
/// <param name="Ordinal">Which access.</param>
/// <param name="Vcpu">Whose.</param>
/// <param name="Gva">Where it went.</param>
/// <param name="Recorded">Guest-physical address in the capture.</param>
/// <param name="Modelled">
/// Guest-physical address in the model; with shadow paging the host-physical address, which is not where the host keeps the recorded one.
/// </param>
public readonly record struct VerifyDifference(long Ordinal, byte Vcpu, ulong Gva, ulong Recorded, ulong Modelled);
