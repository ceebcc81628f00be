namespace Replay.Recorder.Synthetic;

/// <summary>What a workload yields after each small piece of work, so that vCPUs take turns and the reader gets its chunks.</summary>
public enum WorkloadTurn : byte
{
    Taken,
}
