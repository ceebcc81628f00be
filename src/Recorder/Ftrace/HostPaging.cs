namespace Replay.Recorder.Ftrace;

/// <summary>How the host's KVM translates the guest's addresses.</summary>
public enum HostPaging
{
    Unknown = 0,
    Ept = 1,
    Npt = 2,
    Shadow = 3,
}
