namespace Replay.Replayer.History;

/// <summary>Who wrote a table entry.</summary>
public enum Actor : byte
{
    Kvm = 0,

    /// <summary>The CPU's page walker: accessed and dirty bits.</summary>
    Hardware = 1,
}
