namespace Replay.Replayer.Kvm.Host;

/// <summary>
/// What the host is like: its CPU, the kernel's module parameters, and what its emulator (if the host is one) does unlike hardware.
/// The MMU's behaviour differs with all three. Profiles are named; nothing about the host is decided anywhere else.
/// </summary>
public sealed record HostProfile
{
    public required string Name { get; init; }

    public required string Description { get; init; }

    public required CpuVendor Vendor { get; init; }

    /// <summary>MAXPHYADDR of the host.</summary>
    public int PhysicalAddressBits { get; init; } = 40;

    /// <summary>MAXPHYADDR the guest sees.</summary>
    public int GuestPhysicalAddressBits { get; init; } = 40;

    /// <summary>The host walks 5 levels (LA57).</summary>
    public bool FiveLevelPaging { get; init; }

    /// <summary>1 GiB pages in the second dimension (ept_1gb, NPT pdpe1gb).</summary>
    public bool GigabytePages { get; init; } = true;

    /// <summary>EPT accessed and dirty bits, and eptad=Y.</summary>
    public bool EptAdBits { get; init; } = true;

    public bool EptExecuteOnly { get; init; } = true;

    /// <summary>Page-modification logging, and pml=Y.</summary>
    public bool Pml { get; init; } = true;

    public bool UnrestrictedGuest { get; init; } = true;

    /// <summary>The CPU tells the decoded operand of MOV CRn and INVLPG (always on Intel).</summary>
    public bool DecodeAssists { get; init; } = true;

    /// <summary>The CPU tells the next RIP (AMD).</summary>
    public bool Nrips { get; init; } = true;

    /// <summary>PCID for the guest.</summary>
    public bool Pcid { get; init; } = true;

    /// <summary>The CPU has the L1TF flaw, so that KVM sets the top physical bits in entries that are not present.</summary>
    public bool L1tf { get; init; }

    /// <summary>nx_huge_pages=on.</summary>
    public bool NxHugePages { get; init; }

    /// <summary>
    /// A memslot that goes takes all of the VM's mappings along, as userspace has it unless it disables KVM_X86_QUIRK_SLOT_ZAP_ALL, which
    /// later kernels let it.
    /// </summary>
    public bool SlotZapQuirk { get; init; } = true;

    /// <summary>
    /// The VMM lets KVM emulate the APIC, and the CPU can watch its page (flexpriority): KVM has memslots of its own, that of the APIC among
    /// them. Otherwise the APIC's page is MMIO as any other.
    /// </summary>
    public bool PrivateMemslots { get; init; }

    /// <summary>enable_apicv=Y, and nothing inhibits it: the APIC's page is mapped. Otherwise each access to it is emulated, without an entry.</summary>
    public bool Apicv { get; init; }

    public bool EagerPageSplit { get; init; } = true;

    public bool MmioCaching { get; init; } = true;

    /// <summary>n_max_mmu_pages given by userspace; 0: a fiftieth of the memslots' pages, at least 64.</summary>
    public int MaxMmuPages { get; init; }

    /// <summary>A page walk that violates EPT with A/D bits on is reported as a write only (qualification 0x82), not as read and write (0x83).</summary>
    public bool EptWalkViolationIsWriteOnly { get; init; }

    /// <summary>Accessed and dirty bits of guest entries are set without asking EPT for the right to write, where EPT has no such bits itself.</summary>
    public bool GuestAdUpdatesBypassEpt { get; init; }

    /// <summary>Bits 9 to 11 of the exit qualification (advanced information for the guest's own rights) are reported.</summary>
    public bool AdvancedExitInformation { get; init; }

    /// <summary>
    /// An instruction that reads and writes a place (INC, XCHG, OR to memory) asks for the right to write before it reads, in one
    /// translation; otherwise it translates for reading first, and a place that may only be read faults a second time.
    /// </summary>
    public bool ReadModifyWriteIsWrite { get; init; }

    /// <summary>The CPU sets the accessed bit in PAE PDPTEs, which real CPUs do not.</summary>
    public bool SetsAccessedInPdpte { get; init; }

    /// <summary>Faults on reserved bits are reported without the P bit of the error code, which real CPUs set.</summary>
    public bool ReservedFaultLacksPresent { get; init; }
}

public enum CpuVendor : byte
{
    Intel = 0,
    Amd = 1,
}
