namespace Replay.Recorder;

/// <summary>A recording that cannot be made: one line saying what is wrong and what to do.</summary>
public sealed class RecorderException : Exception
{
    public RecorderException(RecorderFailure failure, string message)
        : base(message)
    {
        Failure = failure;
    }

    public RecorderException(RecorderFailure failure, string message, Exception inner)
        : base(message, inner)
    {
        Failure = failure;
    }

    public RecorderFailure Failure { get; }

    /// <summary>The process exit code that fits.</summary>
    public int ExitCode => (int)Failure;
}
