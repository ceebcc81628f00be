namespace Replay.Analyzer.Store;

/// <summary>What an attempt to go on with runs found.</summary>
public enum ResumeOutcome
{
    /// <summary>A checkpoint: the runs go on from there.</summary>
    Resumed = 0,

    /// <summary>Nothing unfinished, and no run like those wanted.</summary>
    Nothing = 1,

    /// <summary>Unfinished runs without a checkpoint that can be used; they are removed.</summary>
    StartsAnew = 2,

    /// <summary>Nothing unfinished: the runs are there already.</summary>
    Complete = 3,
}
