namespace Replay.Analyzer.Store;

/// <summary>The database cannot be written: disk full, no permission, locked. One line; exit code 74.</summary>
public sealed class StoreException : IOException
{
    public StoreException(string message)
        : base(message)
    {
    }

    public StoreException(string message, Exception inner)
        : base(message, inner)
    {
    }
}
