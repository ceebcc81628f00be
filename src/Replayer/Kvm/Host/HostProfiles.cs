using Replay.Trace;

namespace Replay.Replayer.Kvm.Host;

/// <summary>The named host profiles.</summary>
public static class HostProfiles
{
    public static HostProfile Intel { get; } = new()
    {
        Name = "intel",
        Description = "Intel CPU without the L1TF and iTLB-multihit flaws (Ice Lake and later), its APIC emulated by the VMM (kernel-irqchip=off)",
        Vendor = CpuVendor.Intel,
        PhysicalAddressBits = 46,
        GuestPhysicalAddressBits = 46,
    };

    /// <summary>What Linux and QEMU do by default on an Ice Lake and later.</summary>
    public static HostProfile IntelIceLake { get; } = Intel with
    {
        Name = "intel-icelake",
        Description = "The same CPU with the APIC in KVM, as QEMU has it by default: its page is a private memslot, mapped under APICv",
        PrivateMemslots = true,
        Apicv = true,
    };

    /// <summary>What Linux and QEMU do by default on a Broadwell.</summary>
    public static HostProfile IntelBroadwell { get; } = IntelIceLake with
    {
        Name = "intel-broadwell",
        Description = "Broadwell and Skylake by default: L1TF masks in entries that are not present, executable huge pages split (nx_huge_pages), the APIC in KVM under APICv",
        L1tf = true,
        NxHugePages = true,
    };

    public static HostProfile IntelNoAd { get; } = Intel with
    {
        Name = "intel-noad",
        Description = "Intel CPU without EPT A/D bits and PML: the thread's time",
        EptAdBits = false,
        Pml = false,
    };

    public static HostProfile Amd { get; } = new()
    {
        Name = "amd",
        Description = "AMD CPU with nested paging, decode assists and next-RIP saving (Zen)",
        Vendor = CpuVendor.Amd,
        PhysicalAddressBits = 48,
        GuestPhysicalAddressBits = 48,
        Pml = false,
    };

    /// <summary>AMD SVM as QEMU's TCG emulates it.</summary>
    public static HostProfile AmdTcg { get; } = Amd with
    {
        Name = "amd-tcg",
        Description = "AMD SVM emulated by QEMU TCG: no decode assists, no next-RIP saving, accessed bit set in PDPTEs, reserved-bit faults without P",
        PhysicalAddressBits = 40,
        GuestPhysicalAddressBits = 40,
        DecodeAssists = false,
        Nrips = false,
        Pcid = false,
        SetsAccessedInPdpte = true,
        ReservedFaultLacksPresent = true,
    };

    /// <summary>Intel VMX as Bochs emulates it.</summary>
    public static HostProfile IntelBochs { get; } = Intel with
    {
        Name = "intel-bochs",
        Description = "Intel VMX emulated by Bochs (Skylake-X model): walk violations reported as writes only, A/D updates of guest entries not checked against EPT, read-modify-write translated for writing",
        PhysicalAddressBits = 40,
        GuestPhysicalAddressBits = 40,
        L1tf = true,
        EptWalkViolationIsWriteOnly = true,
        GuestAdUpdatesBypassEpt = true,
        AdvancedExitInformation = true,
        ReadModifyWriteIsWrite = true,
    };

    public static HostProfile IntelBochsNoAd { get; } = IntelBochs with
    {
        Name = "intel-bochs-noad",
        Description = "The same with eptad=0 and pml=0",
        EptAdBits = false,
        Pml = false,
    };

    public static IReadOnlyList<HostProfile> All { get; } = [Intel, IntelIceLake, IntelBroadwell, IntelNoAd, Amd, AmdTcg, IntelBochs, IntelBochsNoAd];

    /// <summary>The profile a mode runs on when none is named.</summary>
    public static HostProfile DefaultFor(MmuMode mode) => mode is MmuMode.Npt or MmuMode.NptTdp ? Amd : Intel;

    /// <summary>The profile a mode runs on when none is named and the guest is a hypervisor: shadow paging runs where its guests can.</summary>
    /// <param name="mode">The mode.</param>
    /// <param name="nested">How the guest first enters a guest of its own; null: it has none.</param>
    public static HostProfile DefaultFor(MmuMode mode, NestedEntry? nested) =>
        mode == MmuMode.Shadow && nested is { Vmx: not true } ? Amd : DefaultFor(mode);

    public static HostProfile? Find(string name)
    {
        foreach (var profile in All)
        {
            if (profile.Name == name)
                return profile;
        }

        return null;
    }
}
