using Replay.Replayer.Guest;
using Replay.Trace;

namespace Replay.Replayer.Hardware;

/// <summary>One access as the capture has it.</summary>
public readonly record struct CpuAccess
{
    public required ulong Gva { get; init; }

    public required AccessKind Kind { get; init; }

    public AccessFlags Flags { get; init; }

    /// <summary>The guest-physical address that the source saw; null where it could not see it.</summary>
    public ulong? Gpa { get; init; }

    /// <summary>Of a nested guest under its hypervisor's page tables: its own guest-physical address, where <see cref="Gpa"/> is the hypervisor's.</summary>
    public ulong? L2Gpa { get; init; }

    /// <summary>Bytes touched.</summary>
    public byte Size { get; init; }

    /// <summary>What is stored, where the capture has it.</summary>
    public ulong? Value { get; init; }

    /// <summary>Of a store to a page table: by what kind of instruction.</summary>
    public StoreInstruction Instruction { get; init; }

    internal GuestAccess Guest => new(Gva, Kind, Flags);
}

/// <summary>How one access ended in the model.</summary>
public enum AccessOutcome : byte
{
    /// <summary>It reached memory.</summary>
    Completed = 0,

    /// <summary>KVM did what the instruction does: MMIO, or a write to a table that KVM protects.</summary>
    Emulated = 1,

    /// <summary>The CPU delivered #PF to the guest, without an exit.</summary>
    PageFault = 2,

    /// <summary>KVM injected #PF.</summary>
    InjectedPageFault = 3,

    /// <summary>#GP: the address is not canonical.</summary>
    GeneralProtection = 4,

    /// <summary>A guest table was walked whose content the capture never gave.</summary>
    UnknownTable = 5,

    /// <summary>The limit of retries was reached.</summary>
    NoProgress = 6,

    /// <summary>The guest shut down.</summary>
    Shutdown = 7,

    /// <summary>The nested guest's hypervisor got a fault, and runs.</summary>
    NestedExit = 8,
}

/// <summary>An access to a guest-physical address.</summary>
/// <param name="Purpose">Why.</param>
/// <param name="Kind">What the access itself does; it matters for <see cref="GpaPurpose.Final"/> only.</param>
/// <param name="LinearRights">What the guest's own tables allow there, for the exit qualification.</param>
internal readonly record struct GpaAccess(GpaPurpose Purpose, AccessKind Kind, PageRights LinearRights)
{
    public static GpaAccess TableRead { get; } = new(GpaPurpose.TableRead, AccessKind.Read, PageRights.All);

    public static GpaAccess TableUpdate { get; } = new(GpaPurpose.TableUpdate, AccessKind.Write, PageRights.All);

    public static GpaAccess PdpteLoad { get; } = new(GpaPurpose.PdpteLoad, AccessKind.Read, PageRights.All);

    public static GpaAccess Final(AccessKind kind, PageRights linearRights) => new(GpaPurpose.Final, kind, linearRights);
}

/// <summary>Why the CPU goes to a guest-physical address.</summary>
internal enum GpaPurpose : byte
{
    /// <summary>It is where the access itself goes.</summary>
    Final = 0,

    /// <summary>The entry of a guest table stands there and is read.</summary>
    TableRead = 1,

    /// <summary>The entry of a guest table stands there and gets accessed or dirty bits.</summary>
    TableUpdate = 2,

    /// <summary>MOV to a control register loads the PDPTE registers from there.</summary>
    PdpteLoad = 3,
}
