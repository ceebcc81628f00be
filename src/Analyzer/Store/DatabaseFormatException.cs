namespace Replay.Analyzer.Store;

/// <summary>A file that is no Replay database, is damaged, or has a schema this tool does not read. One line; exit code 65.</summary>
public sealed class DatabaseFormatException : Exception
{
    public DatabaseFormatException(string message)
        : base(message)
    {
    }

    public DatabaseFormatException(string message, Exception inner)
        : base(message, inner)
    {
    }
}
