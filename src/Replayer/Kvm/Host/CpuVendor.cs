namespace Replay.Replayer.Kvm.Host;

public enum CpuVendor : byte
{
    Intel = 0,
    Amd = 1,
}
