using System.Text.RegularExpressions;

namespace Replay.RealKvm;

/// <summary>
/// Writes a trace down so that two hosts that did the same write the same: table pages are <c>S1</c>, <c>S2</c>, ... in order of creation, frames are the guest frames they back, and what
/// depends on clocks, interrupts and the VMM's own memory is left out.
/// </summary>
internal sealed partial class TraceNormalizer(Host host)
{
    private const ulong PhysicalLimit = 1ul << 52;
    private const ulong DirectMapSize = 1ul << 40;

    private static readonly HashSet<string> LeftOut = new(
        [
            "kvm_fpu", "kvm_update_master_clock", "kvm_track_tsc", "kvm_write_tsc_offset", "kvm_apicv_inhibit_changed", "get_shadow_page", "get_child_sp_ret", "kvm_entry",
            "kvm_userspace_exit", "tdp_set_spte",
        ],
        StringComparer.Ordinal);

    private static readonly HashSet<string> NotifierEvents = new(["kvm_unmap_hva_range", "kvm_set_spte_hva", "kvm_age_hva", "kvm_test_age_hva"], StringComparer.Ordinal);

    private static readonly HashSet<string> HostExits =
        new(["interrupt", "vintr", "nmi", "EXTERNAL_INTERRUPT", "INTERRUPT_WINDOW", "PREEMPTION_TIMER"], StringComparer.Ordinal);

    private readonly Dictionary<ulong, string> _tables = [];
    private readonly Dictionary<ulong, string> _structures = [];
    private readonly TdpTrees _trees = new();
    private readonly List<string> _lines = [];
    private string _vcpu = "-";
    private string _lookup = "";
    private string _previous = "";
    private bool _interrupted;
    private int _created;

    public static List<string> Normalize(IEnumerable<RawEvent> events, Host host)
    {
        var normalizer = new TraceNormalizer(host);
        foreach (var e in events)
            normalizer.Add(e);
        return normalizer._lines;
    }

    private void Add(RawEvent e)
    {
        _trees.See(e);
        if (Text(e) is not { } text)
            return;
        if (host.Vcpus > 1 && VcpuOf(e) is var vcpu && vcpu != _vcpu)
        {
            _vcpu = vcpu;
            _lines.Add($"@vcpu {vcpu}");
        }

        _lines.Add(text);
    }

    /// <summary>The vCPU whose thread this is; of the main thread, which makes and ends vCPUs, the one that the probe tells.</summary>
    private string VcpuOf(RawEvent e)
    {
        if (VcpuThread().Match(e.Thread) is { Success: true } thread)
            return thread.Groups[1].Value;
        int? told = null;
        if (e.Thread == "vmm" && e.IsProbe)
            told = e.Has("mmu") && host.MmuAt(e["mmu"]).Vcpu is { } owner ? owner : e.Has("vcpu") ? host.VcpuAt(e["vcpu"]) : null;
        return told is { } number ? $"{number}" : "-";
    }

    /// <summary>The line of an event, or null where it has none.</summary>
    private string? Text(RawEvent e)
    {
        if (LeftOut.Contains(e.Name))
            return null;
        if (NotifierEvents.Contains(e.Name))
            return Notifier(e);
        var previous = _previous;
        _previous = e.Name;
        switch (e.Name)
        {
            case "kvm_inj_exception" when (_interrupted || previous == e.Name) && e.Text.Contains("reinjected", StringComparison.Ordinal):
                return null; // the host came in the way: an interrupt, or an entry called off
            case "kvm_mmu_get_page":
                _lookup = e.Text[(e.Text.TrimEnd().LastIndexOf(' ') + 1)..].TrimEnd();
                return $"kvm_mmu_get_page {e.Text}";
            case "kvm_exit":
                return Exit(e);
            case "kvm_nested_vmexit":
                return NestedExit(e);
            case "get_shadow_page_ret":
                return ShadowPage(e);
            case "tdp_init_sp":
                return TdpPage(e);
            case "kvm_mmu_set_spte":
                return SetSpte(e);
            case "kvm_tdp_mmu_spte_changed":
                return TdpChange(e);
            case "kvm_mmu_spte_requested":
                return Requested(e);
            case "fast_page_fault":
                return FastPageFault(e);
            case "mark_mmio_spte":
                var mmio = Mmio().Match(e.Text);
                return $"mark_mmio_spte at {Place(Hex.Parse(mmio.Groups[1].Value))} {mmio.Groups[2].Value}";
            case "kvm_mmu_set_accessed_bit" or "kvm_mmu_set_dirty_bit":
                return $"{e.Name} {e.Text.Trim()}";
            case "hugepage_split_spte" or "make_nonleaf_spte":
                return $"k:{e.Name} ret={Spte(e["ret"])}";
            case "kvm_mmu_split_huge_page":
                return $"{e.Name} {SplitSpte().Replace(e.Text, m => $"spte={Spte(Hex.Parse(m.Groups[1].Value))}")}";
            case "kvm_make_all_cpus_request" when Requests.IsNotOfMmu(e["req"]):
                return null;
            case "mmu_page_zap_pte" when e["old"] == host.EmptyEntry:
                return null; // an empty entry: nothing is done
            default:
                return e.IsProbe ? Probe(e) : $"{e.Name} {VcpuNumber().Replace(e.Text, "")}";
        }
    }

    /// <summary>Ranges within the guest's memory; the VMM's own is not of interest.</summary>
    private string? Notifier(RawEvent e)
    {
        var offsets = Address().Matches(e.Text).Select(m => unchecked((long)(Hex.Parse(m.Groups[1].Value) - host.MemoryAt))).ToList();
        if (offsets[^1] <= 0 || offsets[0] >= (long)host.MemorySize)
            return null;
        return $"{e.Name} gpa {string.Join(" -- ", offsets.Select(o => $"{Math.Clamp(o, 0, (long)host.MemorySize):x}"))}";
    }

    private string? Exit(RawEvent e)
    {
        var match = ExitReason().Match(e.Text);
        _interrupted = match.Success && match.Groups[1].Value is "interrupt" or "vintr" or "nmi";
        if (!match.Success)
            return $"kvm_exit {e.Text}";
        return HostExits.Contains(match.Groups[1].Value)
            ? null
            : $"kvm_exit {match.Groups[1].Value} rip={match.Groups[2].Value} info1={match.Groups[3].Value} info2={match.Groups[4].Value}";
    }

    private static string? NestedExit(RawEvent e) =>
        NestedHostExit().IsMatch(e.Text) ? null : $"kvm_nested_vmexit {VcpuNumber().Replace(StaleEvent().Replace(e.Text, "intr_info 0x00000000 error_code 0x00000000"), "")}";

    private string ShadowPage(RawEvent e)
    {
        var frame = Host.Physical(e["spt"]) >> 12;
        var name = _lookup == "new" ? Create(frame) : Table(frame << 12);
        _structures[e["sp"]] = name;
        return $"get_shadow_page {name} {_lookup} gfn={e["gfn"]:x} {Role.InTrace(e["role"])}";
    }

    private string TdpPage(RawEvent e)
    {
        var name = Create(Host.Physical(e["spt"]) >> 12);
        _structures[e["sp"]] = name;
        return $"tdp_init_sp {name} gfn={e["gfn"]:x} {Role.InTrace(e["role"])} ptep={(e["ptep"] == 0 ? "root" : Place(e["ptep"]))}";
    }

    private string SetSpte(RawEvent e)
    {
        var m = SetSpteText().Match(e.Text);
        return $"kvm_mmu_set_spte gfn={m.Groups[1].Value} {Spte(Hex.Parse(m.Groups[2].Value))} {m.Groups[3].Value} level={m.Groups[4].Value} at {Place(Hex.Parse(m.Groups[5].Value))}";
    }

    private string TdpChange(RawEvent e)
    {
        var m = TdpChangeText().Match(e.Text);
        var level = m.Groups[3].Value[0] - '0';
        var place = _trees.TryFind(level, Hex.Parse(m.Groups[2].Value), out var table, out var index) ? $"{_tables[table]}[{index}]" : $"?[{index}]";
        return $"kvm_tdp_mmu_spte_changed at {place} as={m.Groups[1].Value} gfn={m.Groups[2].Value} level={level} "
            + $"old={Spte(Hex.Parse(m.Groups[4].Value))} new={Spte(Hex.Parse(m.Groups[5].Value))}";
    }

    private string Requested(RawEvent e)
    {
        var m = RequestedText().Match(e.Text);
        return $"kvm_mmu_spte_requested gfn={m.Groups[1].Value} pfn={host.Frame(Hex.Parse(m.Groups[2].Value))} level={m.Groups[3].Value}";
    }

    private string FastPageFault(RawEvent e)
    {
        var m = FastPageFaultText().Match(e.Text);
        return m.Success
            ? $"fast_page_fault {m.Groups[1].Value}at {Place(Hex.Parse(m.Groups[2].Value))} old={Spte(Hex.Parse(m.Groups[3].Value))} new={Spte(Hex.Parse(m.Groups[4].Value))} {m.Groups[5].Value}"
            : $"fast_page_fault {e.Text}";
    }

    private string Probe(RawEvent e) => $"k:{e.Name} {string.Join(' ', e.Fields.Select(f => Argument(e, f.Key, f.Value)).Where(a => a.Length > 0))}";

    private string Argument(RawEvent e, string name, string text)
    {
        var value = Hex.Number(text);
        switch (name)
        {
            case "vcpu" or "kvm" or "spt":
                return "";
            case "sp":
                return $"sp={_structures.GetValueOrDefault(value, "X")}";
            case "end" when value > Host.PageOffset: // one past the last entry
                var last = Place(value - 8);
                var bracket = last.IndexOf('[', StringComparison.Ordinal) + 1;
                return $"end={last[..bracket]}{((value - 8) & 4095) / 8 + 1}]";
            case "sptep" or "spte" or "start" or "ptep" when value > Host.PageOffset:
                return $"{name}={Place(value)}";
            case "head" or "rmap":
                return $"{name}={(value == 0 ? "0" : (value & 1) != 0 ? "many" : Place(value))}";
            case "root":
                return $"root={Root(e, value)}";
            case "mmu":
                return $"mmu={host.MmuAt(value).Name}";
            case "req":
                return $"req={Requests.Name(value)}";
            case "old" or "new" when e.Name != "kvm_mmu_pte_write":
                return $"{name}={Spte(value)}";
            case "pfn":
                return $"pfn={host.Frame(value)}";
            case "role":
                return Role.InTrace(value);
            default:
                return $"{name}={(text.StartsWith('-') ? text : $"{value:x}")}";
        }
    }

    private string Root(RawEvent e, ulong value)
    {
        if (value >= PhysicalLimit)
            return value is >= Host.PageOffset and < Host.PageOffset + DirectMapSize ? Table(Host.Physical(value)) : "none";
        if (_tables.TryGetValue(value >> 12, out var table))
            return table;
        var isFourLevel = (e.Has("level") && e["level"] == 4) || (e.Has("mmu") && host.MmuAt(e["mmu"]).Name == "guest");
        return e.Name is "svm_load_mmu_pgd" or "kvm_mmu_invalidate_gva" or "invalidate_addr_root" or "mmu_free_root_page" ? isFourLevel ? "pml4_root" : "pae_root" : Table(value);
    }

    private string Create(ulong frame) => _tables[frame] = $"S{++_created}";

    private string Table(ulong physical) => _tables.TryGetValue(physical >> 12, out var name) ? name : $"X{physical:x}";

    private string Place(ulong address) => $"{Table(Host.Physical(address))}[{(address & 4095) >> 3}]";

    private string Spte(ulong entry) => Entry.Text(entry, host, _tables);

    [GeneratedRegex(@"^vcpu(\d+)$")]
    private static partial Regex VcpuThread();

    [GeneratedRegex(@"^vcpu \d+ ")]
    private static partial Regex VcpuNumber();

    [GeneratedRegex("0x([0-9a-f]+)")]
    private static partial Regex Address();

    [GeneratedRegex(@"reason (.+?) rip (\S+) info1 (\S+) info2 (\S+)")]
    private static partial Regex ExitReason();

    [GeneratedRegex(@"\breason (interrupt|vintr|nmi) ")]
    private static partial Regex NestedHostExit();

    /// <summary>Not valid: what QEMU left of an earlier event.</summary>
    [GeneratedRegex(@"intr_info 0x[0-7][0-9a-f]{7} error_code 0x\w+")]
    private static partial Regex StaleEvent();

    [GeneratedRegex(@"^sptep:(\w+) (.*)")]
    private static partial Regex Mmio();

    [GeneratedRegex(@"^gfn (\w+) spte (\w+) \((.*?)\) level (\d) at (\w+)")]
    private static partial Regex SetSpteText();

    [GeneratedRegex(@"^as id (\d+) gfn (\w+) level (\d) old_spte (\w+) new_spte (\w+)")]
    private static partial Regex TdpChangeText();

    [GeneratedRegex(@"^gfn (\w+) pfn (\w+) level (\d)")]
    private static partial Regex RequestedText();

    [GeneratedRegex(@"\bspte (\w+)")]
    private static partial Regex SplitSpte();

    [GeneratedRegex(@"^(.*?)sptep (\w+) old (?:0x)?(\w+) new (?:0x)?(\w+) (.*)")]
    private static partial Regex FastPageFaultText();
}

/// <summary>Requests to vCPUs that concern the MMU, by their number.</summary>
internal static class Requests
{
    private const ulong TlbFlush = 0;
    private const ulong ScanIoapic = 22;

    private static readonly SortedDictionary<int, string> Names = new()
    {
        [0] = "TLB_FLUSH",
        [1] = "VM_DEAD",
        [11] = "MMU_SYNC",
        [13] = "LOAD_MMU_PGD",
        [34] = "TLB_FLUSH_CURRENT",
        [35] = "TLB_FLUSH_GUEST",
        [39] = "MMU_FREE_OBSOLETE_ROOTS",
    };

    /// <summary>A request for a flush has a probe of its own, <c>flush_remote_tlbs</c>.</summary>
    public static bool IsNotOfMmu(ulong request) => (request & 0xff) is TlbFlush or ScanIoapic;

    public static string Name(ulong request) => Names.TryGetValue((int)(request & 0xff), out var name) ? name : $"{request & 0xff}";

    /// <summary>What is pending, of a vCPU's word of requests.</summary>
    public static string Pending(ulong word) => Names.Where(n => (word >> n.Key & 1) != 0).Select(n => n.Value).ToList() is { Count: > 0 } names ? string.Join(' ', names) : "-";
}
