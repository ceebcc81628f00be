namespace Replay.Analyzer.Conformance;

/// <summary>A folder that holds no readable case: one line. Exit code 65.</summary>
public sealed class ConformanceCaseException : Exception
{
    public ConformanceCaseException(string message)
        : base(message)
    {
    }

    public ConformanceCaseException(string message, Exception inner)
        : base(message, inner)
    {
    }
}
