using System.Runtime.InteropServices;
using Replay.Trace;

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

/// <summary>The second slot of an event, laid out as <c>struct wire_event</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly struct WireEvent
{
    public readonly ulong Value;
    public readonly uint ErrorCode;
    public readonly uint Size;
    public readonly uint Present;
    public readonly uint Access;
    public readonly uint KeptFilter;
    public readonly uint Instruction;
    public readonly ulong L2Gpa;
}

/// <summary>A plain access in a recording of every access.</summary>
/// <remarks>
/// <code>
/// 63 0 | 62..56 size | 55..44 code page | 43..32 offset of the instruction in it
/// 31..28 access flags | 25..16 place | 13..12 kind | 11..0 offset in the page
/// </code>
/// </remarks>
internal static class WireWord
{
    /// <summary>Words from here on begin another record.</summary>
    public const ulong Limit = 1UL << 63;

    public const int OffsetMask = 0xfff;
    public const int KindShift = 12;
    public const int PlaceShift = 16;
    public const int FlagsShift = 28;
    public const int InstructionShift = 32;
    public const int SizeShift = 56;

    /// <summary>Numbers of places, of each vCPU.</summary>
    public const int Places = 1 << 10;

    /// <summary>Numbers of code pages.</summary>
    public const int CodePages = 1 << 12;

    /// <summary>Bits of an instruction's offset in its code page.</summary>
    public const int InstructionBits = 12;

    public static int Offset(ulong word) => (int)word & OffsetMask;

    public static int Kind(ulong word) => (int)(word >> KindShift) & 3;

    public static int Place(ulong word) => (int)(word >> PlaceShift) & (Places - 1);

    public static int Flags(ulong word) => (int)(word >> FlagsShift) & 15;

    /// <summary>Code page and offset in it.</summary>
    public static int Instruction(ulong word) => (int)(word >> InstructionShift) & ((CodePages << InstructionBits) - 1);

    public static int Size(ulong word) => (int)(word >> SizeShift);
}

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

/// <summary>What follows the head where a nested guest is entered, laid out as <c>struct wire_nested_enter</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly struct WireNestedEnter
{
    private readonly ulong _nestedControl;
    private readonly ulong _nestedCr3;
    private readonly ulong _cr0;
    private readonly ulong _cr2;
    private readonly ulong _cr3;
    private readonly ulong _cr4;
    private readonly ulong _efer;
    private readonly ulong _pat;
    private readonly ulong _rip;
    private readonly ulong _rflags;
    private readonly ulong _intercepts;
    private readonly ulong _eventInjection;
    private readonly uint _asid;
    private readonly uint _tlbControl;
    private readonly uint _cpl;
    private readonly uint _interceptCr;
    private readonly uint _interceptExceptions;
    private readonly uint _spare;

    public TraceEvent Event(in WireHead head) => new()
    {
        Ordinal = head.Ordinal,
        Kind = TraceEventKind.NestedEnter,
        Vcpu = head.Vcpu,
        Gpa = head.Gpa,
        Rip = head.Rip,
        Detail = EventDetail.Write(new NestedEntry
        {
            NestedControl = _nestedControl,
            NestedCr3 = _nestedCr3,
            Asid = _asid,
            TlbControl = (byte)_tlbControl,
            Cr0 = _cr0,
            Cr2 = _cr2,
            Cr3 = _cr3,
            Cr4 = _cr4,
            Efer = _efer,
            Pat = _pat,
            Rip = _rip,
            Rflags = _rflags,
            Cpl = (int)_cpl,
            InterceptCr = _interceptCr,
            InterceptExceptions = _interceptExceptions,
            Intercepts = _intercepts,
            EventInjection = _eventInjection,
        }),
    };
}

/// <summary>What follows the head at a #VMEXIT to the guest's hypervisor, laid out as <c>struct wire_nested_exit</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly struct WireNestedExit
{
    private readonly ulong _exitCode;
    private readonly ulong _info1;
    private readonly ulong _info2;
    private readonly ulong _interruptInfo;
    private readonly ulong _cr0;
    private readonly ulong _cr3;
    private readonly ulong _cr4;
    private readonly ulong _efer;
    private readonly ulong _rflags;

    public TraceEvent Event(in WireHead head) => new()
    {
        Ordinal = head.Ordinal,
        Kind = TraceEventKind.NestedExit,
        Vcpu = head.Vcpu,
        Value = _exitCode,
        Rip = head.Rip,
        Detail = EventDetail.Write(new NestedExit
        {
            Info1 = _info1,
            Info2 = _info2,
            InterruptInfo = _interruptInfo,
            Cr0 = _cr0,
            Cr3 = _cr3,
            Cr4 = _cr4,
            Efer = _efer,
            Rflags = _rflags,
        }),
    };
}
