using System.IO.Hashing;
using System.Text;
using Replay.Trace.Tracepoints;

namespace Replay.Recorder.Ftrace;

/// <summary>
/// Every name of a trace once, found by its bytes without making a string. Bounded, since the names come from a file: those beyond the
/// limit share one.
/// </summary>
internal sealed class NameTable(Func<string, TracepointKind> kindOf)
{
    private const int Limit = 4096;
    private const string Overflow = "(more names than a trace has)";

    private readonly Dictionary<ulong, List<(byte[] Bytes, TracepointName Name)>> _names = [];
    private TracepointName? _overflow;
    private int _count;

    public TracepointName Get(ReadOnlySpan<byte> bytes)
    {
        var hash = XxHash3.HashToUInt64(bytes);
        if (_names.TryGetValue(hash, out var sameHash))
        {
            foreach (var (known, name) in sameHash)
            {
                if (bytes.SequenceEqual(known))
                    return name;
            }
        }

        if (_count >= Limit)
            return _overflow ??= new TracepointName(_count, Overflow, TracepointKind.Other);
        var text = Encoding.UTF8.GetString(bytes);
        var added = new TracepointName(_count++, text, kindOf(text));
        if (sameHash is null)
            _names[hash] = sameHash = [];
        sameHash.Add((bytes.ToArray(), added));
        return added;
    }
}

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

/// <summary>Names of kvm's and kvmmmu's tracepoints, of all kernels since 3.0.</summary>
internal static class TracepointKinds
{
    public static TracepointKind Of(string name) => name switch
    {
        "kvm_entry" => TracepointKind.Entry,
        "kvm_exit" => TracepointKind.Exit,
        "kvm_page_fault" => TracepointKind.PageFault,
        "kvm_inj_exception" => TracepointKind.InjectedException,
        "kvm_cr" => TracepointKind.ControlRegister,
        "kvm_msr" => TracepointKind.Msr,
        "kvm_pml_full" => TracepointKind.PmlFull,
        "kvm_fast_mmio" => TracepointKind.FastMmio,
        "kvm_mmio" => TracepointKind.Mmio,
        "kvm_unmap_hva_range" or "kvm_unmap_hva" or "kvm_set_spte_hva" or "kvm_age_hva" or "kvm_test_age_hva" => TracepointKind.NotifierRange,
        "kvm_mmu_get_page" => TracepointKind.GetPage,
        "kvm_mmu_sync_page" => TracepointKind.SyncPage,
        "kvm_mmu_unsync_page" => TracepointKind.UnsyncPage,
        "kvm_mmu_prepare_zap_page" or "kvm_mmu_zap_page" => TracepointKind.ZapPage,
        "kvm_mmu_set_spte" => TracepointKind.SetSpte,
        "kvm_tdp_mmu_spte_changed" => TracepointKind.SpteChanged,
        "kvm_mmu_spte_requested" => TracepointKind.SpteRequested,
        "mark_mmio_spte" => TracepointKind.MarkMmioSpte,
        "handle_mmio_page_fault" => TracepointKind.HandleMmioPageFault,
        "check_mmio_spte" => TracepointKind.CheckMmioSpte,
        "fast_page_fault" => TracepointKind.FastPageFault,
        "kvm_mmu_zap_all_fast" or "kvm_mmu_invalidate_zap_all_pages" => TracepointKind.ZapAllFast,
        "kvm_mmu_split_huge_page" => TracepointKind.SplitHugePage,
        "kvm_mmu_pagetable_walk" => TracepointKind.GuestWalk,
        "kvm_mmu_paging_element" => TracepointKind.GuestEntry,
        "kvm_mmu_set_accessed_bit" => TracepointKind.GuestAccessedBit,
        "kvm_mmu_set_dirty_bit" => TracepointKind.GuestDirtyBit,
        "kvm_mmu_walker_error" => TracepointKind.WalkerError,
        _ => TracepointKind.Other,
    };
}
