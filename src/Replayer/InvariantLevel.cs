namespace Replay.Replayer;

/// <summary>How thoroughly a replay checks itself, beyond the checks that are always on.</summary>
public enum InvariantLevel : byte
{
    /// <summary>What costs next to nothing: each write, each translation that is walked.</summary>
    Standard = 0,

    /// <summary>All tables and reverse maps are gone through after every chunk.</summary>
    Thorough = 1,
}
