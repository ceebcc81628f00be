using Replay.Recorder.Ftrace;

namespace Replay.Cli.Importing;

/// <summary>Prints the first damaged lines of a trace, and counts the others.</summary>
internal sealed class ProblemPrinter(TextWriter error, string verb, int limit) : IFtraceProblems
{
    private long _count;

    public void OnDamaged(long line, string what, string text)
    {
        if (_count++ < limit)
            error.WriteLine($"{verb}: line {line}: {what}: {text}");
    }

    /// <summary>Says how many were not printed.</summary>
    public void Finish()
    {
        if (_count > limit)
            error.WriteLine($"{verb}: and {_count - limit:#,0} more lines like these (--max-messages sets how many are shown)");
    }
}
