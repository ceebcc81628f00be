using Replay.Replayer;

namespace Replay.Analyzer.Store;

/// <summary>Runs that go on where they were cut off.</summary>
public sealed class Resumption
{
    private readonly IReadOnlyList<RunState> _states;

    internal Resumption(Checkpoint checkpoint, IReadOnlyList<HistoryStore> stores, IReadOnlyList<RunState> states)
    {
        Checkpoint = checkpoint;
        Stores = stores;
        _states = states;
    }

    public Checkpoint Checkpoint { get; }

    /// <summary>Where the rest of each run's history goes, in the order of the runs.</summary>
    public IReadOnlyList<HistoryStore> Stores { get; }

    /// <summary>The replay of one of the runs, as it was at the checkpoint.</summary>
    /// <param name="index">Which run.</param>
    public ReplaySession Session(int index) => ReplaySession.Restore(Stores[index], _states[index].Session.Written);
}

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
