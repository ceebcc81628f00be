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

/// <summary>Why a recording could not be made. The number is the exit code that fits.</summary>
public enum RecorderFailure
{
    /// <summary>The options contradict each other or what the source can do.</summary>
    Usage = 2,

    /// <summary>The input is not what it should be.</summary>
    BadInput = 65,

    /// <summary>The input is not there.</summary>
    InputMissing = 66,

    /// <summary>A program that is needed is missing or too old.</summary>
    ToolMissing = 69,

    /// <summary>The program that runs the guest refused or failed.</summary>
    SourceFailed = 70,

    /// <summary>Files or sockets the recording needs could not be made.</summary>
    CannotCreate = 73,
}
