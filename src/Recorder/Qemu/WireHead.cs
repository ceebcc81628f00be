using System.Runtime.InteropServices;

namespace Replay.Recorder.Qemu;

/// <summary>The first four words of a record that is no word of an access, or as many of them as it has.</summary>
/// <remarks>
/// <code>
/// head   63..56 type | 55..48 vCPU | 47..0 ordinal, or a number
/// place  63..56 size in bytes | 55..52 access flags | 51..0 guest-physical address
/// </code>
/// </remarks>
[StructLayout(LayoutKind.Sequential)]
internal readonly struct WireHead
{
    public const int Words = 4;

    private const ulong NumberMask = (1UL << 48) - 1;
    private const ulong GpaMask = (1UL << 52) - 1;

    public readonly ulong Head;
    public readonly ulong Gva;
    public readonly ulong Place;
    public readonly ulong Rip;

    public byte Type => TypeOf(Head);

    public byte Vcpu => VcpuOf(Head);

    public long Ordinal => (long)NumberOf(Head);

    public byte Size => (byte)(Place >> 56);

    public byte Flags => (byte)((Place >> 52) & 15);

    public ulong Gpa => Place & GpaMask;

    public static byte TypeOf(ulong head) => (byte)(head >> 56);

    public static byte VcpuOf(ulong head) => (byte)(head >> 48);

    public static ulong NumberOf(ulong head) => head & NumberMask;
}
