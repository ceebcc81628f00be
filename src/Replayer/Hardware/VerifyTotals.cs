namespace Replay.Replayer.Hardware;

/// <summary>How often the model's translation was compared with the address that the source saw.</summary>
public sealed class VerifyTotals
{
    /// <summary>Accesses whose translation could be compared.</summary>
    public long Checked { get; internal set; }

    public long Differing { get; private set; }

    /// <summary>The first that differed.</summary>
    public VerifyDifference? First { get; private set; }

    internal void Differ(in VerifyDifference difference)
    {
        Differing++;
        First ??= difference;
    }
}

/// <summary>An access that the model translates otherwise than the source saw.</summary>
/// <param name="Ordinal">Which access.</param>
/// <param name="Vcpu">Whose.</param>
/// <param name="Gva">Where it went.</param>
/// <param name="Recorded">Guest-physical address in the capture.</param>
/// <param name="Modelled">
/// Guest-physical address in the model; with shadow paging the host-physical address, which is not where the host keeps the recorded one.
/// </param>
public readonly record struct VerifyDifference(long Ordinal, byte Vcpu, ulong Gva, ulong Recorded, ulong Modelled);
