namespace Replay.Analyzer.Diff;

/// <summary>The two runs cannot be compared, or the cost table cannot be used: one line says which, why, and what to do.</summary>
public class DiffException : Exception
{
    public DiffException()
    {
    }

    public DiffException(string message)
        : base(message)
    {
    }

    public DiffException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
