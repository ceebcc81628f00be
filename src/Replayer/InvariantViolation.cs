namespace Replay.Replayer;

/// <summary>
/// Our own bug: the model broke one of its invariants. Stops the run loudly. The message carries what is needed to reproduce it; the
/// session adds the ordinal of the event. Exit code 70.
/// </summary>
public sealed class InvariantViolation : Exception
{
    public InvariantViolation(string message)
        : base(message)
    {
    }

    public InvariantViolation(string message, Exception inner)
        : base(message, inner)
    {
    }
}
