namespace Replay.Trace;

/// <summary>Something stands already where a capture is to be made, and may not be overwritten. One line; exit code 73.</summary>
public sealed class CaptureExistsException : IOException
{
    public CaptureExistsException()
    {
    }

    public CaptureExistsException(string message)
        : base(message)
    {
    }

    public CaptureExistsException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}

/// <summary>A capture that cannot be read: one line saying what is wrong, where, and what to do. Exit code 65.</summary>
public sealed class CaptureFormatException : Exception
{
    public CaptureFormatException(string message)
        : base(OneLine(message))
    {
    }

    public CaptureFormatException(string message, Exception inner)
        : base(OneLine(message), inner)
    {
    }

    /// <summary>It may quote the file.</summary>
    private static string OneLine(string message) => message.ReplaceLineEndings(" ");
}
