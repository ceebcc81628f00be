using System.Collections.Frozen;

namespace Replay.Trace;

/// <summary>
/// What an event row says. An event is everything that is more than a plain touch of RAM: whatever changes the state of the guest,
/// of the CPU or of the host, and every access whose details (value, device) matter. The values are part of the capture format;
/// <c>schemas/capture/v2.md</c> says which columns each kind fills.
/// </summary>
public enum TraceEventKind : byte
{
    /// <summary>A store to a page that serves as a guest page table: gva, gpa, size, value, flags, rip. An access as well as a change.</summary>
    PageTableStore = 1,

    /// <summary>An access that reached a device: access, gva, gpa, size, flags, rip. An access.</summary>
    Mmio = 2,

    /// <summary>An access the CPU made itself while it delivered an event: access, gva, size. The gpa is null. An access.</summary>
    ImplicitAccess = 3,

    /// <summary>The content of a 4 KiB guest page when it begins to serve as a page table: gpa, data (null data: all zero).</summary>
    PageImage = 4,

    /// <summary>A plain touch of RAM made in guest mode: access, gva, l2_gpa, gpa, size, flags, rip. An access.</summary>
    NestedAccess = 5,

    /// <summary>A page is followed as a page table no more, since nothing leads there: gpa. Its content is unknown until another image of it.</summary>
    PageRelease = 6,

    /// <summary>MOV to CR0, CLTS or LMSW: value (what the register became), rip.</summary>
    Cr0Write = 8,

    /// <summary>MOV to CR3, or a task switch of the hardware: value (what the register became; bit 63, no-flush, kept), rip.</summary>
    Cr3Write = 9,

    /// <summary>MOV to CR4: value (what the register became), rip.</summary>
    Cr4Write = 10,

    /// <summary>WRMSR to EFER: value (what the register became), rip.</summary>
    EferWrite = 11,

    /// <summary>WRPKRU, or an XRSTOR that changed PKRU: value, rip.</summary>
    PkruWrite = 12,

    /// <summary>INVLPG: gva, rip.</summary>
    Invlpg = 13,

    /// <summary>INVPCID: value is the type (0 to 3), error_code the PCID, gva the address, rip.</summary>
    Invpcid = 14,

    /// <summary>INVLPGA: gva, value is the ASID, rip.</summary>
    Invlpga = 15,

    /// <summary>A #PF reached the guest: gva (CR2), error_code, rip of the faulting instruction; access and flags where the source knows them.</summary>
    GuestPageFault = 16,

    /// <summary>An interrupt or exception was delivered: value is the vector, error_code where one was pushed, rip of the interrupted instruction.</summary>
    Delivery = 17,

    /// <summary>LIDT: value is the base, size the limit.</summary>
    Lidt = 18,

    /// <summary>LGDT: value is the base, size the limit.</summary>
    Lgdt = 19,

    /// <summary>LTR: value is the base of the TSS, size its limit.</summary>
    Ltr = 20,

    /// <summary>LLDT, or a task switch of the hardware: value is the base of the LDT, size its limit.</summary>
    Lldt = 21,

    /// <summary>INVEPT: value is the type (1: one EPTP, 2: all), gpa the whole EPTP of the descriptor, rip.</summary>
    Invept = 22,

    /// <summary>INVVPID: value is the type (0 address, 1 one VPID, 2 all, 3 one without global pages), error_code the VPID, gva the address, rip.</summary>
    Invvpid = 23,

    /// <summary>State of a vCPU where the recording starts, and where it changed without an instruction (reset, INIT, SMM): detail is JSON, see <see cref="VcpuState"/>.</summary>
    VcpuState = 24,

    /// <summary>A memslot is created, changed or (size 0) deleted: detail is JSON, see <see cref="MemslotChange"/>.</summary>
    Memslot = 25,

    /// <summary>The host invalidates a range of guest memory (MMU notifier): gpa, value is the length in bytes.</summary>
    HostInvalidate = 32,

    /// <summary>The host maps another frame read-only at a page (change_pte notifier): gpa.</summary>
    HostChangePte = 33,

    /// <summary>The host ages a range (clear_young notifier): gpa, value is the length in bytes.</summary>
    HostAge = 34,

    /// <summary>Dirty logging is switched on for the slot that holds gpa: gpa.</summary>
    DirtyLogOn = 35,

    /// <summary>Dirty logging is switched off for the slot that holds gpa: gpa.</summary>
    DirtyLogOff = 36,

    /// <summary>The dirty log of the slot that holds gpa is read and cleared: gpa.</summary>
    DirtyLogGet = 37,

    /// <summary>The guest reached a named point: value (the byte written to the marker port), size (bytes of the instruction, where known), rip.</summary>
    Marker = 40,

    /// <summary>The source lost events here: value is how many, where it knows. Nothing is lost silently.</summary>
    Lost = 41,

    /// <summary>
    /// A nested guest (L2) is entered by VMRUN: gpa of the VMCB, rip of the VMRUN, detail is JSON, see <see cref="NestedEntry"/>. Up to the
    /// <see cref="NestedExit"/> of the same vCPU everything that happens on it happens in guest mode.
    /// </summary>
    NestedEnter = 44,

    /// <summary>#VMEXIT to the guest's own hypervisor (L1): value is the exit code, rip where it goes on, detail is JSON, see <see cref="Trace.NestedExit"/>.</summary>
    NestedExit = 45,

    /// <summary>
    /// An access of which only the guest-physical address is known, as the trace of a host shows those that faulted: access, gpa, flags
    /// (<see cref="AccessFlags.TableWalk"/>), rip; detail is JSON, see <see cref="HostAnswer"/>. With two-dimensional paging alone.
    /// </summary>
    GuestPhysicalAccess = 48,

    /// <summary>What was known of KVM's tables ends here: events were lost. What is mapped from here on was not seen before.</summary>
    TablesForgotten = 49,

    /// <summary>The VM ends: its process goes, and KVM takes all tables down.</summary>
    VmEnd = 50,

    /// <summary>
    /// What KVM's tables held before anything was seen of them, as later lines of a trace tell: detail is JSON, see <see cref="Trace.EarlierMappings"/>.
    /// No fault and no exit belongs to it.
    /// </summary>
    EarlierMappings = 51,
}

/// <summary>The snake_case names of event kinds (<c>page_table_store</c>), as captures, databases and the command line write them.</summary>
public static class TraceEventKindName
{
    private static readonly FrozenDictionary<TraceEventKind, string> Names =
        Enum.GetValues<TraceEventKind>().ToFrozenDictionary(kind => kind, kind => SnakeCase.Of(kind));

    private static readonly FrozenDictionary<string, TraceEventKind> Kinds =
        Names.ToFrozenDictionary(pair => pair.Value, pair => pair.Key, StringComparer.Ordinal);

    /// <exception cref="ArgumentOutOfRangeException">Not a kind of this format version.</exception>
    public static string Of(TraceEventKind kind) =>
        Names.TryGetValue(kind, out var name) ? name : throw new ArgumentOutOfRangeException(nameof(kind), kind, "Not an event kind.");

    public static bool TryParse(string name, out TraceEventKind kind) => Kinds.TryGetValue(name, out kind);
}
