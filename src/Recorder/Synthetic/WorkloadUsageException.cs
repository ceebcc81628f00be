namespace Replay.Recorder.Synthetic;

/// <summary>A workload or knob that cannot be: one line saying what is wrong and what to write instead. Exit code 2.</summary>
public sealed class WorkloadUsageException : Exception
{
    public WorkloadUsageException(string message)
        : base(message)
    {
    }
}
