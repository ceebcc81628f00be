namespace Replay.Cli.Replaying;

/// <summary>What a replay does about checkpoints.</summary>
/// <param name="Interval">How far apart they are at least; zero: none.</param>
/// <param name="Resume">Go on from the last one.</param>
internal sealed record CheckpointPlan(TimeSpan Interval, bool Resume)
{
    /// <summary>For replays that are over before anyone would stop them.</summary>
    public static CheckpointPlan None { get; } = new(TimeSpan.Zero, Resume: false);
}
