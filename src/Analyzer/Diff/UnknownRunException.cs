namespace Replay.Analyzer.Diff;

/// <summary>What the caller wrote names no run of the database, or several. One line; exit code 2.</summary>
public sealed class UnknownRunException : DiffException
{
    public UnknownRunException()
    {
    }

    public UnknownRunException(string message)
        : base(message)
    {
    }

    public UnknownRunException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
