namespace Replay.Replayer.SavedState;

/// <summary>A stored state cannot be read: it is damaged, or of another build.</summary>
public sealed class StateException : Exception
{
    public StateException(string message)
        : base(message)
    {
    }

    public StateException(string message, Exception inner)
        : base(message, inner)
    {
    }
}
