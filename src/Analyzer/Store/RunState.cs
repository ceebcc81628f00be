using Replay.Replayer;
using Replay.Replayer.Checkpoints;

namespace Replay.Analyzer.Store;

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
