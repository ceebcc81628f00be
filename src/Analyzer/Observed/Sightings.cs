using Replay.Trace.Tracepoints;

namespace Replay.Analyzer.Observed;

/// <summary>Counts events by name, and says from that which facts the trace could show.</summary>
internal sealed class Sightings
{
    private readonly List<(TracepointName Name, string? Function, long Events)> _names = [];
    private readonly HashSet<string> _entered = new(StringComparer.Ordinal);
    private readonly HashSet<string> _returned = new(StringComparer.Ordinal);
    private bool _hasStacks;
    private bool _probesShowCr3;

    public IReadOnlyList<TraceNameRow> Names =>
        [.. _names.Where(name => name.Events > 0).Select(name => new TraceNameRow(name.Name.Id, name.Name.Text, name.Function, name.Events))];

    public void Count(TracepointName name)
    {
        while (_names.Count <= name.Id)
            _names.Add((name, null, 0));
        _names[name.Id] = (name, _names[name.Id].Function, _names[name.Id].Events + 1);
    }

    /// <summary>An event came with a stack trace.</summary>
    public void Stack() => _hasStacks = true;

    public void Probe(TracepointName name, in ProbeFields probe)
    {
        _probesShowCr3 = _probesShowCr3 || probe.TryGet("cr3"u8, out _);
        if (_names[name.Id].Function is not null)
            return;
        _names[name.Id] = _names[name.Id] with { Function = probe.Function.Text };
        (probe.IsReturn ? _returned : _entered).Add(probe.Function.Text);
    }

    public IReadOnlyList<Capability> Capabilities(ObservedHost host)
    {
        var facts = new List<Capability>
        {
            Of("exits", Seen("kvm_exit"), "kvm_exit; values written to control registers by kvm_cr"),
            Of("faults", Seen("kvm_page_fault"), "kvm_page_fault; EPT misconfigurations by handle_mmio_page_fault or a probe on kvm_mmu_page_fault"),
            new("fault.gva", host.IsTwoDimensional ? "no" : "yes", host.IsTwoDimensional ? "no line shows it with two-dimensional paging" : "kvm_page_fault"),
            new(
                "fault.handler",
                host.IsTwoDimensional ? "derived" : Entered("paging64_page_fault", "paging32_page_fault", "nonpaging_page_fault") ? "yes" : "no",
                host.IsTwoDimensional ? "the same for every fault" : "probes on nonpaging_page_fault, paging64_page_fault, paging32_page_fault"),
            new(
                "fault.outcome",
                Returned("direct_page_fault", "paging64_page_fault", "kvm_tdp_page_fault") ? "yes" : Seen("kvm_mmu_set_spte") || Seen("kvm_tdp_mmu_spte_changed") ? "derived" : "no",
                "probes on the return of direct_page_fault, paging64_page_fault, paging32_page_fault; derived from what follows: leaves set, fast_page_fault, kvm_emulate_insn, kvm_inj_exception, the next kvm_entry, kvm_userspace_exit"),
            Of("guest_faults", Seen("kvm_inj_exception"), "kvm_inj_exception: those that KVM injects; the CPU delivers the others unseen"),
            new("guest_cr3", Seen("kvm_cr") && !host.IsTwoDimensional ? "yes" : _probesShowCr3 ? "partly" : "no", "kvm_cr, with shadow paging; with NPT the field cr3 of a probe, at faults; with EPT nothing"),
            Of("guest", Seen("kvm_nested_vmexit") || Seen("kvm_nested_vmenter") || Seen("kvm_nested_vmrun"), "kvm_nested_vmenter (kvm_nested_vmrun), kvm_nested_vmexit, kvm_nested_vmexit_inject: without them nothing tells a nested guest (L2) from its hypervisor"),
            Of("vcpu", Seen("kvm_entry"), "kvm_entry and kvm_exit of the same thread; NULL for other threads"),
        };
        facts.AddRange(Entries(host));
        facts.AddRange(Pages());
        return facts;
    }

    private IEnumerable<Capability> Entries(ObservedHost host)
    {
        yield return Of("table_write.leaves_set", Seen("kvm_mmu_set_spte") || Seen("kvm_tdp_mmu_spte_changed"), "kvm_mmu_set_spte, kvm_tdp_mmu_spte_changed");
        if (host.UsesTdpMmu)
        {
            var shown = Seen("kvm_tdp_mmu_spte_changed");
            yield return Of("table_write.links", shown, "kvm_tdp_mmu_spte_changed");
            yield return Of("table_write.clears", shown, "kvm_tdp_mmu_spte_changed; not the last store after REMOVED_SPTE");
            yield return Of("table_write.changes", shown, "kvm_tdp_mmu_spte_changed");
            yield return Of("table_write.old", shown, "kvm_tdp_mmu_spte_changed");
        }
        else
        {
            yield return Of("table_write.links", Entered("__link_shadow_page", "link_shadow_page"), "a probe on __link_shadow_page");
            yield return Of(
                "table_write.clears",
                Entered("mmu_spte_clear_track_bits") && Entered("pte_list_remove"),
                "probes on mmu_spte_clear_track_bits, mmu_page_zap_pte, pte_list_remove");
            yield return new("table_write.changes", Entered("mmu_spte_update") ? "yes" : Seen("fast_page_fault") ? "partly" : "no", "a probe on mmu_spte_update; partly by fast_page_fault");
            yield return Of("table_write.old", Entered("mmu_spte_update"), "probes on mmu_spte_update, mmu_spte_clear_track_bits");
        }

        yield return new("table_write.hardware", "no", "the CPU sets accessed and dirty bits; they show only in a later old value");
    }

    private IEnumerable<Capability> Pages()
    {
        yield return Of("table_pages", Seen("kvm_mmu_get_page"), "kvm_mmu_get_page, kvm_mmu_prepare_zap_page, kvm_mmu_sync_page, kvm_mmu_unsync_page");
        var probed = Returned("__kvm_mmu_get_shadow_page") || Entered("tdp_mmu_init_sp");
        yield return new("table_page.hpa", probed ? "yes" : Seen("kvm_mmu_set_spte") ? "derived" : "no", "probes on the return of __kvm_mmu_get_shadow_page and on tdp_mmu_init_sp; from entries otherwise");
        yield return new("table_page.role", probed ? "yes" : "partly", "the same probes; level, access, direct, quadrant, NX and A/D from kvm_mmu_get_page");
        yield return new("table_page.freed", "no", "no line shows when a page goes back to the host");
        yield return new(
            "roots",
            Returned("mmu_alloc_root", "kvm_tdp_mmu_get_vcpu_root_hpa") || Entered("vmx_load_mmu_pgd", "svm_load_mmu_pgd") ? "yes" : Seen("kvm_mmu_get_page") ? "derived" : "no",
            "probes on mmu_alloc_root, kvm_tdp_mmu_get_vcpu_root_hpa, vmx_load_mmu_pgd, svm_load_mmu_pgd, mmu_free_root_page; otherwise from pages of the highest level");
        yield return Of("tlb_flushes", Entered("kvm_flush_remote_tlbs", "svm_flush_tlb_current", "vmx_flush_tlb_current"), "probes on kvm_flush_remote_tlbs, vmx_flush_tlb_*, svm_flush_tlb_*");
        yield return new("rmap", "no", "changes of reverse maps are not imported");
        yield return new("chains", _hasStacks || _returned.Count > 0 ? "partly" : "no", "stack traces of events; functions whose start and return are probed");
    }

    private static Capability Of(string fact, bool shown, string source) => new(fact, shown ? "yes" : "no", source);

    private bool Seen(string name) => _names.Exists(entry => entry.Events > 0 && entry.Function is null && entry.Name.Text == name);

    private bool Entered(params ReadOnlySpan<string> functions) => Any(_entered, functions);

    private bool Returned(params ReadOnlySpan<string> functions) => Any(_returned, functions);

    private static bool Any(HashSet<string> seen, ReadOnlySpan<string> functions)
    {
        foreach (var function in functions)
        {
            if (seen.Contains(function))
                return true;
        }

        return false;
    }
}
