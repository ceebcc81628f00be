using System.Runtime.InteropServices;

namespace Replay.Recorder.Qemu;

/// <summary>The second and third slot of a vCPU's state, laid out as <c>struct wire_vcpu_state</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly struct WireVcpuState
{
    public readonly ulong Cr0;
    public readonly ulong Cr2;
    public readonly ulong Cr3;
    public readonly ulong Cr4;
    public readonly ulong Efer;
    public readonly ulong Rflags;
    public readonly uint Cpl;
    public readonly uint HasPkru;
    public readonly uint Pkru;
    private readonly uint _spare;
}
