namespace Replay.Recorder.Ftrace;

/// <summary>The function behind a probe whose line has only an address: from its name, as perf and Replay's own list of probes give it.</summary>
internal static class ProbeNames
{
    private static readonly string[] ReturnEndings = ["__return", "_return", "_ret"];

    /// <summary>Probes of <c>docs/real-host.md</c> that are not named like their function.</summary>
    private static readonly Dictionary<string, string> Aliases = new(StringComparer.Ordinal)
    {
        ["get_shadow_page"] = "__kvm_mmu_get_shadow_page",
        ["get_child_sp"] = "kvm_mmu_get_child_sp",
        ["link_shadow_page"] = "__link_shadow_page",
        ["prepare_zap_page"] = "__kvm_mmu_prepare_zap_page",
        ["unsync_pages"] = "mmu_try_to_unsync_pages",
        ["tdp_get_root"] = "kvm_tdp_mmu_get_vcpu_root_hpa",
        ["tdp_init_sp"] = "tdp_mmu_init_sp",
        ["tdp_link_sp"] = "tdp_mmu_link_sp",
        ["tdp_map"] = "kvm_tdp_mmu_map",
        ["rmap_add"] = "__rmap_add",
        ["flush_remote_tlbs"] = "kvm_flush_remote_tlbs",
        ["flush_range"] = "kvm_flush_remote_tlbs_with_address",
        ["sp_set_translation"] = "kvm_mmu_page_set_translation",
    };

    public static string FunctionOf(string probe)
    {
        foreach (var ending in ReturnEndings)
        {
            if (probe.EndsWith(ending, StringComparison.Ordinal))
            {
                probe = probe[..^ending.Length];
                break;
            }
        }

        return Aliases.GetValueOrDefault(probe, probe);
    }
}
