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
