using Replay.Replayer;
using Replay.Replayer.History;
using Replay.Replayer.SavedState;

namespace Replay.Analyzer.Store;

/// <summary>A place in a capture from which runs that were cut off can go on.</summary>
/// <param name="Number">Counts the checkpoints of a database.</param>
/// <param name="Ordinal">Last event whose history is in the database; what is to be replayed lies behind it.</param>
/// <param name="Accesses">Accesses replayed so far.</param>
public sealed record Checkpoint(long Number, long Ordinal, long Accesses);

/// <summary>What a checkpoint holds.</summary>
/// <param name="Runs">Each run's part.</param>
/// <param name="Load">Where the rows are that are not in the database yet; empty: all are.</param>
internal sealed record CheckpointState(List<RunState> Runs, StateBuffer Load);

/// <summary>One run's part of a checkpoint.</summary>
internal sealed class RunState
{
    public required int Run { get; init; }

    /// <summary>The replay: see <see cref="ReplaySession.Save"/>.</summary>
    public StateBuffer Session { get; } = new();

    /// <summary>What the store keeps of the records it was handed.</summary>
    public StateBuffer Store { get; } = new();

    /// <summary>Sums over the records that were written.</summary>
    public StateBuffer Sums { get; } = new();

    public void Clear()
    {
        Session.Clear();
        Store.Clear();
        Sums.Clear();
    }
}

/// <summary>What a store keeps of the records that went through it.</summary>
internal sealed class StorePosition
{
    public long LastSeq { get; set; }

    public long RmapChanges { get; set; }

    public ExitReason LastExitReason { get; set; }
}
