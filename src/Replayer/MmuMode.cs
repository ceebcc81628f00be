using Replay.Replayer.Kvm.Host;

namespace Replay.Replayer;

/// <summary>Which MMU of KVM a replay runs. <c>docs/architecture.md</c> has the table of modes.</summary>
public enum MmuMode : byte
{
    /// <summary>kvm_intel with tdp_mmu=N: EPT through the direct map of the shadow MMU code.</summary>
    Ept = 1,

    /// <summary>kvm_intel with tdp_mmu=Y: the TDP MMU.</summary>
    EptTdp = 2,

    /// <summary>kvm_amd with tdp_mmu=N.</summary>
    Npt = 3,

    /// <summary>kvm_amd with tdp_mmu=Y.</summary>
    NptTdp = 4,

    /// <summary>ept=0 or npt=0: shadow paging.</summary>
    Shadow = 5,

    /// <summary>No model: what a real KVM was seen to write.</summary>
    Observed = 8,
}

/// <summary>Names and properties of the modes.</summary>
public static class MmuModes
{
    /// <summary>The modes a replay can run, in the order the command line lists them.</summary>
    public static IReadOnlyList<MmuMode> All { get; } = [MmuMode.Ept, MmuMode.EptTdp, MmuMode.Npt, MmuMode.NptTdp, MmuMode.Shadow];

    /// <summary>The name used on the command line and in the database, such as <c>ept-tdp</c>.</summary>
    public static string Name(this MmuMode mode) => mode switch
    {
        MmuMode.Ept => "ept",
        MmuMode.EptTdp => "ept-tdp",
        MmuMode.Npt => "npt",
        MmuMode.NptTdp => "npt-tdp",
        MmuMode.Shadow => "shadow",
        MmuMode.Observed => "observed",
        _ => throw new InvariantViolation($"mode {(int)mode} has no name"),
    };

    public static bool TryParse(string text, out MmuMode mode)
    {
        foreach (var candidate in All)
        {
            if (candidate.Name() == text)
            {
                mode = candidate;
                return true;
            }
        }

        mode = default;
        return false;
    }

    /// <summary>Entries have the EPT format.</summary>
    public static bool UsesEptFormat(this MmuMode mode) => mode is MmuMode.Ept or MmuMode.EptTdp;

    /// <summary>The tables are built by the TDP MMU (tdp_mmu.c), not by the shadow MMU code (mmu.c).</summary>
    public static bool UsesTdpMmu(this MmuMode mode) => mode is MmuMode.EptTdp or MmuMode.NptTdp;

    /// <summary>The mode exists on this vendor's CPUs.</summary>
    public static bool RunsOn(this MmuMode mode, CpuVendor vendor) => mode switch
    {
        MmuMode.Ept or MmuMode.EptTdp => vendor == CpuVendor.Intel,
        MmuMode.Npt or MmuMode.NptTdp => vendor == CpuVendor.Amd,
        _ => true,
    };

    /// <summary>The hardware walks in two dimensions: guest tables, then KVM's.</summary>
    public static bool IsTwoDimensional(this MmuMode mode) => mode is not MmuMode.Shadow;
}
