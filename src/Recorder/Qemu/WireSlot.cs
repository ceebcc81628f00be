using System.Runtime.InteropServices;

namespace Replay.Recorder.Qemu;

/// <summary>One slot of the ring.</summary>
/// <remarks>
/// <code>
/// head   63..56 type | 55..48 vCPU | 47..0 ordinal
/// place  63..56 size in bytes | 55..52 access flags | 51..0 guest-physical address
/// </code>
/// </remarks>
[StructLayout(LayoutKind.Sequential)]
internal readonly struct WireSlot
{
    public const ulong OrdinalMask = (1UL << 48) - 1;
    public const ulong GpaMask = (1UL << 52) - 1;

    /// <summary>Bits of the type that plain accesses do not have.</summary>
    public const ulong EventBits = ~((ulong)WireFormat.EventBit - 1) << 56;

    public readonly ulong Head;
    public readonly ulong Gva;
    public readonly ulong Place;
    public readonly ulong Rip;

    public byte Type => (byte)(Head >> 56);

    public byte Vcpu => (byte)(Head >> 48);

    public long Ordinal => (long)(Head & OrdinalMask);

    public byte Size => (byte)(Place >> 56);

    public byte Flags => (byte)((Place >> 52) & 15);

    public ulong Gpa => Place & GpaMask;
}
