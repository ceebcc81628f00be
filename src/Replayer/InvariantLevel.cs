namespace Replay.Replayer;

/// <summary>How thoroughly a replay checks itself, beyond the checks that are always on.</summary>
public enum InvariantLevel : byte
{
    /// <summary>Each write and each translation that is walked; all tables and reverse maps whenever the number of faults has doubled, and at the end.</summary>
    Standard = 0,

    /// <summary>All tables and reverse maps are gone through after every chunk.</summary>
    Thorough = 1,
}
