namespace Replay.Replayer.Kvm.Host;

/// <summary>The named host profiles.</summary>
public static class HostProfiles
{
    public static HostProfile Intel { get; } = new()
    {
        Name = "intel",
        Description = "Intel CPU with EPT A/D bits, PML and unrestricted guest (Broadwell and later)",
        Vendor = CpuVendor.Intel,
        PhysicalAddressBits = 46,
        GuestPhysicalAddressBits = 46,
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

    public static IReadOnlyList<HostProfile> All { get; } = [Intel, IntelNoAd, Amd, AmdTcg, IntelBochs, IntelBochsNoAd];

    /// <summary>The profile a mode runs on when none is named.</summary>
    public static HostProfile DefaultFor(MmuMode mode) => mode is MmuMode.Npt or MmuMode.NptTdp ? Amd : Intel;

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
