namespace Replay.Replayer.Kvm;

/// <summary>Which guest actions exit. KVM changes it with the mode and the guest's paging state.</summary>
[Flags]
public enum Intercepts : ushort
{
    None = 0,
    PageFault = 1,
    Cr3Write = 2,
    Invlpg = 4,
    Invpcid = 8,
    EferWrite = 16,
}
