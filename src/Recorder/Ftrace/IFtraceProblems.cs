namespace Replay.Recorder.Ftrace;

/// <summary>Hears of lines that cannot be used, as they come.</summary>
public interface IFtraceProblems
{
    /// <param name="line">Number of the line, from 1.</param>
    /// <param name="what">What is wrong with it.</param>
    /// <param name="text">The line, or its beginning.</param>
    void OnDamaged(long line, string what, string text);
}
