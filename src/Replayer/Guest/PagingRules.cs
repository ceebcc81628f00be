using System.Runtime.CompilerServices;
using Replay.Trace;

namespace Replay.Replayer.Guest;

/// <summary>How the guest translates addresses.</summary>
public enum PagingMode : byte
{
    /// <summary>CR0.PG clear: gva is gpa.</summary>
    None = 0,

    /// <summary>Two levels of 4-byte entries.</summary>
    Bits32 = 1,

    /// <summary>Three levels of 8-byte entries, the top one four PDPTE registers.</summary>
    Pae = 2,

    Level4 = 3,

    Level5 = 4,
}

/// <summary>All that decides a walk besides the tables: the mode, and the switches of control registers and CPU.</summary>
public readonly record struct PagingRules
{
    public PagingMode Mode { get; init; }

    /// <summary>CR0.WP.</summary>
    public bool WriteProtect { get; init; }

    public bool Smep { get; init; }

    public bool Smap { get; init; }

    /// <summary>EFER.NXE.</summary>
    public bool NoExecute { get; init; }

    /// <summary>CR4.PSE; 4 MiB pages of 32-bit paging.</summary>
    public bool PageSizeExtension { get; init; }

    /// <summary>PKRU; 0, which allows everything, where protection keys are off.</summary>
    public uint Pkru { get; init; }

    /// <summary>MAXPHYADDR.</summary>
    public int PhysicalAddressBits { get; init; }

    /// <summary>PAE: the walk reads its PDPTE from memory; otherwise from the registers loaded with CR3.</summary>
    public bool PdptesInMemory { get; init; }

    /// <summary>The CPU sets the accessed bit in PDPTEs in memory.</summary>
    public bool SetsAccessedInPdpte { get; init; }

    /// <summary>A fault on a reserved bit is reported without P.</summary>
    public bool ReservedFaultLacksPresent { get; init; }

    /// <summary>Physical-address bits that no frame can have, up to bit 51.</summary>
    internal ulong UnreachableFrames => PteBits.Frame & ~((1UL << PhysicalAddressBits) - 1);

    /// <summary>Bit 63 while NX is off.</summary>
    internal ulong ReservedNx => NoExecute ? 0 : PteBits.NoExecute;

    /// <summary>The rules of a guest's own tables.</summary>
    public static PagingRules ForGuest(ControlRegisters registers, int physicalAddressBits)
    {
        var mode = registers.Mode;
        var keys = mode is PagingMode.Level4 or PagingMode.Level5 && (registers.Cr4 & ControlBits.Cr4Pke) != 0;
        return new PagingRules
        {
            Mode = mode,
            WriteProtect = registers.WriteProtect,
            Smep = registers.Smep,
            Smap = registers.Smap,
            NoExecute = registers.Nx && mode != PagingMode.Bits32,
            PageSizeExtension = (registers.Cr4 & ControlBits.Cr4Pse) != 0,
            Pkru = keys ? registers.Pkru : 0,
            PhysicalAddressBits = physicalAddressBits,
        };
    }

    /// <summary>Judges an access by the rights that the walk gathered. None: allowed.</summary>
    /// <param name="rights">AND of all entries.</param>
    /// <param name="leaf">The entry that maps the page, for its protection key.</param>
    /// <param name="access">What is asked.</param>
    /// <remarks>SDM: Determination of Access Rights.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal PageFaultCode Judge(PageRights rights, ulong leaf, in GuestAccess access)
    {
        var code = Allows(rights, access) ? PageFaultCode.None : PageFaultCode.Present;
        if (Pkru != 0 && rights.User && !access.IsFetch && KeyForbids(leaf, access))
            code |= PageFaultCode.Present | PageFaultCode.ProtectionKey;
        return code;
    }

    /// <summary>The error code of a fault for the reason given: adds what the access was.</summary>
    internal PageFaultCode FaultCode(PageFaultCode reason, in GuestAccess access)
    {
        var code = reason;
        if (access.IsUser)
            code |= PageFaultCode.User;
        if (access.IsWrite)
            code |= PageFaultCode.Write;
        if (access.IsFetch && (NoExecute || Smep))
            code |= PageFaultCode.Fetch;
        return code;
    }

    internal PageFaultCode ReservedFaultCode(in GuestAccess access) => FaultCode(
        ReservedFaultLacksPresent ? PageFaultCode.Reserved : PageFaultCode.Reserved | PageFaultCode.Present, access);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool Allows(PageRights rights, in GuestAccess access)
    {
        if (access.IsUser)
            return rights.User && (!access.IsWrite || rights.Writable) && (!access.IsFetch || rights.Executable);
        if (access.IsFetch)
            return rights.Executable && !(Smep && rights.User);
        if (Smap && rights.User && !access.OverridesSmap)
            return false;
        return !access.IsWrite || rights.Writable || !WriteProtect;
    }

    /// <summary>AD (bit 0 of the key's pair) forbids data accesses, WD (bit 1) writes by the user and, with CR0.WP, by anyone.</summary>
    private bool KeyForbids(ulong leaf, in GuestAccess access)
    {
        var key = (int)(leaf >> PteBits.ProtectionKeyShift) & 15;
        var pair = Pkru >> (key * 2);
        return (pair & 1) != 0 || ((pair & 2) != 0 && access.IsWrite && (access.IsUser || WriteProtect));
    }
}
