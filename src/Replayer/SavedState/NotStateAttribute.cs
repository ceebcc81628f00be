namespace Replay.Replayer.SavedState;

/// <summary>A field that a checkpoint leaves out: it is null or zero afterwards, and whoever restores sets it.</summary>
/// <param name="why">Why nothing is lost.</param>
[AttributeUsage(AttributeTargets.Field)]
public sealed class NotStateAttribute(string why) : Attribute
{
    public string Why { get; } = why;
}
