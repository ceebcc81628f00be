using System.Runtime.InteropServices;

namespace Replay.Recorder.Qemu;

/// <summary>Numbers of wire format v3, the same as in <c>native/qemu/wire.h</c>; see <c>schemas/wire/v3.md</c>.</summary>
internal static class WireFormat
{
    public const ulong Magic = 0x3357_594c_5045_5221;
    public const uint Version = 3;
    public const int ControlBytes = 65536;
    public const int MaxMemslots = 128;
    public const uint NoPort = 0x10000;

    /// <summary>An access by itself; its kind is added.</summary>
    public const byte TypeAccess = 0x80;
    public const byte TypePlace = 0x83;
    public const byte TypePageImageZero = 0x84;
    public const byte TypeCodePage = 0x85;
    public const byte TypeRip = 0x86;
    public const byte TypeVcpu = 0x87;
    public const byte TypePageImage = 0xc4;
    public const byte TypeVcpuState = 0xd8;
    public const byte TypeNestedEnter = 0xec;
    public const byte TypeNestedExit = 0xed;

    /// <summary>Events have these bits and their capture number below them.</summary>
    public const byte EventBits = 0xc0;

    public const uint HasErrorCode = 1;
    public const uint HasL2Gpa = 2;

    public const uint OptionFilter = 1;

    public const uint MemslotReadOnly = 1;
    public const uint MemslotGuestRam = 2;

    // The control block, by byte offset.
    public const int OffsetVersion = 0x08;
    public const int OffsetControlBytes = 0x0c;
    public const int OffsetWords = 0x10;
    public const int OffsetRamBytes = 0x18;
    public const int OffsetReaderPid = 0x20;
    public const int OffsetOptions = 0x24;
    public const int OffsetFilterSlots = 0x28;
    public const int OffsetMarkerPort = 0x2c;
    public const int OffsetEpochLength = 0x30;
    public const int OffsetMaxAccesses = 0x38;
    public const int OffsetStartAt = 0x40;
    public const int OffsetStopAt = 0x48;
    public const int OffsetStartKind = 0x50;
    public const int OffsetStopKind = 0x54;
    public const int OffsetHead = 0x100;
    public const int OffsetState = 0x108;
    public const int OffsetEndReason = 0x10c;
    public const int OffsetVcpus = 0x110;
    public const int OffsetError = 0x118;
    public const int ErrorBytes = 232;
    public const int OffsetTail = 0x200;
    public const int OffsetStopRequest = 0x208;
    public const int OffsetCounters = 0x300;
    public const int OffsetMapRequest = 0x400;
    public const int OffsetMapAnswer = 0x440;
    public const int OffsetMapCount = 0x444;
    public const int OffsetMap = 0x480;

    /// <summary>Words of a record whose head has this type.</summary>
    public static int WordsOf(byte type) => type switch
    {
        TypePlace => 3,
        TypeCodePage or TypeRip => 2,
        TypeVcpu => 1,
        < EventBits => 4,
        TypePageImage => 4 + 512,
        TypeVcpuState => 4 + 8,
        TypeNestedEnter => 4 + 15,
        TypeNestedExit => 4 + 9,
        _ => 4 + 5,
    };

    /// <summary>Words that no plugin of this version sends: QEMU's memory was damaged, or another program writes into the ring.</summary>
    public static RecorderException Refused(string what) =>
        new(RecorderFailure.SourceFailed, $"The plugin sent {what}. What was recorded before is kept; record the guest again.");
}

/// <summary>What the numbers in words of accesses stand for at this point of the stream.</summary>
/// <param name="vcpus">How many there are.</param>
internal sealed class WireNumbers(int vcpus)
{
    private readonly ulong[] _gvaPages = new ulong[vcpus * WireWord.Places];
    private readonly ulong[] _gpaPages = new ulong[vcpus * WireWord.Places];
    private readonly ulong[] _codePages = new ulong[WireWord.CodePages];

    /// <summary>The vCPU that makes the accesses.</summary>
    public byte Vcpu { get; private set; }

    /// <summary>The first place of that vCPU, in <see cref="GvaPage"/> and <see cref="GpaPage"/>.</summary>
    public int FirstPlace { get; private set; }

    /// <summary>Places of all vCPUs.</summary>
    public int Places => _gvaPages.Length;

    public void Switch(byte vcpu)
    {
        Check(vcpu);
        Vcpu = vcpu;
        FirstPlace = vcpu * WireWord.Places;
    }

    /// <exception cref="RecorderException">There is no such vCPU.</exception>
    public void Check(byte vcpu)
    {
        if (vcpu >= vcpus)
            throw WireFormat.Refused($"a record of vCPU {vcpu}, and there are only {vcpus}");
    }

    /// <summary>Where a vCPU's place stands among those of all.</summary>
    /// <exception cref="RecorderException">There is no such place.</exception>
    public int PlaceOf(byte vcpu, ulong number) => number < WireWord.Places
        ? (vcpu * WireWord.Places) + (int)number
        : throw WireFormat.Refused($"place {number}, and there are only {WireWord.Places}");

    /// <summary>The page of a place, as a number of a page.</summary>
    public ulong GvaPage(int place) => _gvaPages[place];

    /// <inheritdoc cref="GvaPage"/>
    public ulong GpaPage(int place) => _gpaPages[place];

    /// <summary>The address of an instruction of a word.</summary>
    public ulong Rip(int instruction) =>
        _codePages[instruction >> WireWord.InstructionBits] | (uint)(instruction & ((1 << WireWord.InstructionBits) - 1));

    /// <returns>Whether it was another page before.</returns>
    public bool SetPlace(int place, ulong gvaPage, ulong gpaPage)
    {
        if (_gvaPages[place] == gvaPage && _gpaPages[place] == gpaPage)
            return false;
        _gvaPages[place] = gvaPage;
        _gpaPages[place] = gpaPage;
        return true;
    }

    /// <exception cref="RecorderException">There is no such number.</exception>
    public void SetCodePage(ulong number, ulong address) =>
        _codePages[number < WireWord.CodePages ? number : throw WireFormat.Refused($"code page {number}, and there are only {WireWord.CodePages}")] = address;
}

/// <summary>What the plugin says of itself in the control block.</summary>
internal enum WireState : uint
{
    NotLoaded = 0,
    Loaded = 1,
    Recording = 2,
    Ended = 3,
    Failed = 4,
}

/// <summary>Why the plugin ended the stream.</summary>
internal enum WireEnd : uint
{
    None = 0,
    GuestExit = 1,
    StopAt = 2,
    MaxAccesses = 3,
    Requested = 4,

    /// <summary>QEMU leaves, and the plugin has seen no wish of the guest's for it.</summary>
    QemuExit = 5,
}

/// <summary>What the plugin counts, laid out as <c>struct wire_counters</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct WireCounters
{
    public long Ordinals;
    public long Accesses;
    public long Stalls;
    public long StallNanoseconds;
    public long Flushes;
    public long TablePages;
    public long MemslotChanges;
    public long Unslotted;
    public long DeviceInSlot;
    public long NotDeliveries;
    public long Ambiguous;
    public long RealMode;
    public long TableOffRam;
    public long Unresolved;
    public long Nested;
    public long Kept;
    public long Released;
    public long TasksUntold;
    public long Management;
    public long ManagementTables;
}

/// <summary>One memslot of the memory map, laid out as <c>struct wire_memslot</c>; no bytes: the slot is deleted.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct WireMemslot(ulong Gpa, ulong Bytes, ulong RamOffset, ulong Host, uint Slot, uint Flags);
