namespace Replay.Trace;

/// <summary>A capture that cannot be read: one line saying what is wrong, where, and what to do. Exit code 65.</summary>
public sealed class CaptureFormatException : Exception
{
    public CaptureFormatException(string message)
        : base(message)
    {
    }

    public CaptureFormatException(string message, Exception inner)
        : base(message, inner)
    {
    }
}
