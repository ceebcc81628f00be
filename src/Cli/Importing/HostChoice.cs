using System.Globalization;
using Replay.Analyzer.Observed;
using Replay.Recorder.Ftrace;
using Replay.Replayer;
using Replay.Replayer.Kvm.Host;
using Replay.Trace;

namespace Replay.Cli.Importing;

/// <summary>Which host a trace is of: as the user says, else as the trace tells. Nothing is assumed in silence.</summary>
internal static class HostChoice
{
    private const ulong DirectMapAlignment = (1UL << 30) - 1;

    /// <param name="findings">What the trace tells.</param>
    /// <param name="mode">What the user says of the MMU, null: nothing.</param>
    /// <param name="profile">What the user says of the host, null: nothing.</param>
    /// <param name="directMap">Where the user says the kernel maps all memory, null: not said.</param>
    /// <exception cref="UsageException">Neither tells, or they contradict each other.</exception>
    public static ObservedHost Choose(HostFindings findings, string? mode, HostProfile? profile, string? directMap)
    {
        MmuMode? said = null;
        if (mode is not null)
        {
            if (!MmuModes.TryParse(mode, out var parsed))
                throw new UsageException($"--mmu {mode}: {DidYouMean.Choose(mode, MmuModes.All.Select(known => known.Name()))}");
            said = parsed;
        }

        var paging = Paging(findings, said);
        var vendor = Vendor(findings, profile, paging);
        return new ObservedHost
        {
            IsIntel = vendor == CpuVendor.Intel,
            Paging = paging,
            UsesTdpMmu = said?.UsesTdpMmu() ?? findings.UsesTdpMmu ?? false,
            PresentByRights = findings.PresentByRights,
            DirectMap = directMap is null ? findings.DirectMap ?? ObservedHost.DefaultDirectMap : DirectMap(directMap),
        };
    }

    /// <summary>What was taken for the host, and on what grounds.</summary>
    public static string Describe(ObservedHost host, HostFindings findings, bool isSaid)
    {
        var grounds = isSaid ? "as said" : findings.Reasons.Count > 0 ? string.Join("; ", findings.Reasons) : "by its entries";
        var tables = !host.IsTwoDimensional ? "shadow paging" : $"{host.Paging.ToString().ToUpperInvariant()}, {Builder(host, findings, isSaid)}";
        var map = !findings.HasVirtualAddresses ? ""
            : $"; kernel maps memory at 0x{host.DirectMap:x}{(IsMapAssumed(host, findings) ? " (assumed; --direct-map sets it)" : "")}";
        return $"host: {(host.IsIntel ? "Intel" : "AMD")}, {tables} ({grounds}); Linux {findings.Kernel} by the form of its lines{map}";
    }

    /// <summary>Something was taken for so that neither the trace nor the user says.</summary>
    public static bool IsAssumed(ObservedHost host, HostFindings findings, bool isSaid) =>
        (host.IsTwoDimensional && findings.UsesTdpMmu is null && !isSaid) || (findings.HasVirtualAddresses && IsMapAssumed(host, findings));

    private static bool IsMapAssumed(ObservedHost host, HostFindings findings) => findings.DirectMap is null && host.DirectMap == ObservedHost.DefaultDirectMap;

    private static string Builder(ObservedHost host, HostFindings findings, bool isSaid) =>
        host.UsesTdpMmu ? "TDP MMU" : findings.UsesTdpMmu is null && !isSaid ? "no table write shows by which MMU (--mmu says it)" : "shadow MMU code (tdp_mmu=N)";

    private static ObservedPaging Paging(HostFindings findings, MmuMode? said)
    {
        var found = findings.Paging switch
        {
            HostPaging.Ept => ObservedPaging.Ept,
            HostPaging.Npt => ObservedPaging.Npt,
            HostPaging.Shadow => ObservedPaging.Shadow,
            _ => (ObservedPaging?)null,
        };
        if (said is null)
        {
            return found ?? throw new UsageException(
                $"the trace does not tell how the host translates: {Readings(findings)}. Say it: --mmu ept, ept-tdp, npt, npt-tdp or shadow.");
        }

        var wanted = said switch
        {
            MmuMode.Ept or MmuMode.EptTdp => ObservedPaging.Ept,
            MmuMode.Npt or MmuMode.NptTdp => ObservedPaging.Npt,
            _ => ObservedPaging.Shadow,
        };
        if (found is { } other && other != wanted)
            throw new UsageException($"--mmu {said.Value.Name()}: the trace tells otherwise ({string.Join("; ", findings.Reasons)}).");
        return wanted;
    }

    /// <summary>What it may be, and by what.</summary>
    private static string Readings(HostFindings findings)
    {
        var tdp = findings.UsesTdpMmu == true ? "; kvm_tdp_mmu_spte_changed: the TDP MMU" : "";
        return findings.EntriesAreEpt switch
        {
            true => $"its entries look like EPT's (memory type){tdp}",
            false when findings.IsIntel == true => "its entries are in x86 format and its exits Intel's: shadow paging (ept=0), or EPT entries misread",
            false => $"its entries are in x86 format: NPT (--mmu npt, npt-tdp) where the addresses are guest-physical, shadow paging (--mmu shadow) where they are guest-virtual{tdp}",
            _ => $"no kvm_exit names a reason that would, no entry has bits that would{(findings.HasPlainFaults ? "; the error codes of kvm_page_fault are those of #PF (--mmu shadow), or qualifications without bits 7 and 8 (--mmu ept)" : "")}{tdp}",
        };
    }

    private static CpuVendor Vendor(HostFindings findings, HostProfile? profile, ObservedPaging paging)
    {
        CpuVendor? found = paging switch
        {
            ObservedPaging.Ept => CpuVendor.Intel,
            ObservedPaging.Npt => CpuVendor.Amd,
            _ => findings.IsIntel switch { true => CpuVendor.Intel, false => CpuVendor.Amd, null => null },
        };
        if (profile is not null && found is { } other && other != profile.Vendor)
            throw new UsageException($"--host {profile.Name}: the trace is of {(other == CpuVendor.Intel ? "Intel" : "AMD")} ({string.Join("; ", findings.Reasons)}).");
        return profile?.Vendor ?? found ?? throw new UsageException("the trace does not tell the CPU's vendor. Say it: --host intel or --host amd.");
    }

    private static ulong DirectMap(string text)
    {
        var digits = text.StartsWith("0x", StringComparison.OrdinalIgnoreCase) ? text.AsSpan(2) : text;
        if (!ulong.TryParse(digits, NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var address) || (address & DirectMapAlignment) != 0)
            throw new UsageException($"--direct-map {text}: page_offset_base is a hexadecimal address, a multiple of 1 GiB, such as 0xffff888000000000.");
        return address;
    }
}
