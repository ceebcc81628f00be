using System.Text.RegularExpressions;

namespace Replay.Analyzer.Conformance;

/// <summary>Reads the normalised trace of a real kernel's shadow MMU code line by line and tells what was done.</summary>
public sealed partial class KernelTrace(EntryText entries)
{
    private readonly Dictionary<string, string> _pendingLinks = [];
    private readonly HashSet<string> _pendingDrops = [];
    private bool _hasRoot;
    private string _fault = "";
    private string _outcome = "2";
    private string _injected = "";

    /// <summary>What the line says that was done; null where it says something else.</summary>
    public KernelOperation? Read(string line, long number)
    {
        var space = line.IndexOf(' ', StringComparison.Ordinal);
        var word = space < 0 ? line : line[..space];
        var operation = word switch
        {
            "k:mmu_spte_update" => Update(line),
            "k:link_shadow_page" => RememberLink(line),
            "k:pte_list_add" => Linked(line),
            "k:mmu_spte_clear_track_bits" => Clear(line),
            "k:pte_list_remove" => Unlinked(line),
            "k:mmu_page_zap_pte" => ClearMmio(line),
            "mark_mmio_spte" => Match(MmioPattern(), line, OperationKind.Write, "mmio $1 gfn=$2 access=$3 gen=$4"),
            "fast_page_fault" => Fast(line),
            "k:rmap_add" => Match(RmapPattern(), line, OperationKind.Rmap, "rmap $1 gfn=$2"),
            _ => Page(word, line) ?? Fault(word, line) ?? Flush(word),
        };
        return operation is { } found ? found with { Place = number } : null;
    }

    private KernelOperation? Page(string word, string line) => word switch
    {
        "get_shadow_page" => Match(GetPattern(), line, OperationKind.Operation, "get $1 $2 gfn=$3 role=$4"),
        "k:prepare_zap_page" => Match(ZapPattern(), line, OperationKind.Operation, "zap $1 gfn=$2 role=$3"),
        "kvm_mmu_unsync_page" => Match(SyncPattern(), line, OperationKind.Operation, "unsync gfn=$1"),
        "kvm_mmu_sync_page" => Match(SyncPattern(), line, OperationKind.Operation, "sync gfn=$1"),
        "k:vmx_load_mmu_pgd" or "k:svm_load_mmu_pgd" => Loaded(line),
        "k:kvm_mmu_free_roots" => Freed(line),
        "k:mmu_free_root_page" when !line.EndsWith("=none", StringComparison.Ordinal) => Match(RootPattern(), line, OperationKind.Operation, "free $1"),
        _ => null,
    };

    private KernelOperation? Fault(string word, string line)
    {
        switch (word)
        {
            case "k:kvm_mmu_page_fault":
                _fault = FaultPattern().Match(line) is { Success: true } match ? $"fault addr={match.Groups[1].Value} err={match.Groups[2].Value}" : "fault";
                _outcome = "2";
                _injected = "";
                return null;
            case "k:direct_page_fault_ret" or "k:paging64_page_fault_ret" or "k:paging32_page_fault_ret":
                _outcome = line[(line.IndexOf('=', StringComparison.Ordinal) + 1)..];
                return null;
            case "k:kvm_mmu_page_fault_ret":
                return new KernelOperation(OperationKind.Operation, $"{_fault} ret={_outcome}{_injected}", 0);
            // The exception itself is traced at the next entry, and again when an exit interrupts its delivery.
            case "kvm_mmu_walker_error":
                _injected = " inject=" + WalkerErrorPattern().Match(line).Groups[1].Value;
                return null;
            default:
                return null;
        }
    }

    private KernelOperation? Loaded(string line)
    {
        _hasRoot = true;
        return Match(RootPattern(), line, OperationKind.Operation, "load $1");
    }

    private KernelOperation? Freed(string line)
    {
        // The mask's lowest bit stands for the current root.
        if (line[^1] is '1' or '3' or '5' or '7' or '9' or 'b' or 'd' or 'f')
            _hasRoot = false;
        return null;
    }

    private KernelOperation? Flush(string word) => word switch
    {
        "k:flush_remote_tlbs" => new KernelOperation(OperationKind.Flush, "flush remote", 0),
        "k:vmx_flush_tlb_all" or "k:svm_flush_tlb_all" => new KernelOperation(OperationKind.Flush, "flush all", 0),
        // Without a root there is nothing to flush, and VMX does not.
        "k:vmx_flush_tlb_current" when !_hasRoot => null,
        "k:vmx_flush_tlb_current" or "k:svm_flush_tlb_current" => new KernelOperation(OperationKind.Flush, "flush current", 0),
        "k:vmx_flush_tlb_gva" or "k:svm_flush_tlb_gva" => new KernelOperation(OperationKind.Flush, "flush gva", 0),
        _ => null,
    };

    private KernelOperation? Update(string line)
    {
        var match = UpdatePattern().Match(line);
        if (!match.Success || match.Groups[2].Value == match.Groups[3].Value)
            return null;
        var isNew = match.Groups[2].Value == "0";
        var old = entries.FromTrace(match.Groups[2].Value, withHardwareBits: false);
        var made = entries.FromTrace(match.Groups[3].Value, withHardwareBits: isNew);
        return old == made ? null : new KernelOperation(OperationKind.Write, $"write {match.Groups[1].Value} {old} -> {made}", 0);
    }

    private KernelOperation? RememberLink(string line)
    {
        var match = LinkPattern().Match(line);
        _pendingLinks[match.Groups[1].Value] = match.Groups[2].Value;
        return null;
    }

    private KernelOperation? Linked(string line)
    {
        var match = ListPattern().Match(line);
        return _pendingLinks.Remove(match.Groups[1].Value, out var child)
            ? new KernelOperation(OperationKind.Write, $"link {match.Groups[1].Value} ->{child}", 0)
            : null;
    }

    private KernelOperation? Clear(string line)
    {
        var match = OldPattern().Match(line);
        if (match.Groups[2].Value == "0")
            return null;
        _pendingDrops.Add(match.Groups[1].Value);
        return new KernelOperation(OperationKind.Write, $"clear {match.Groups[1].Value} {entries.FromTrace(match.Groups[2].Value, withHardwareBits: false)}", 0);
    }

    private KernelOperation? Unlinked(string line)
    {
        var place = ListPattern().Match(line).Groups[1].Value;
        return _pendingDrops.Remove(place) ? null : new KernelOperation(OperationKind.Write, $"unlink {place}", 0);
    }

    private static KernelOperation? ClearMmio(string line)
    {
        var match = OldPattern().Match(line);
        var old = match.Groups[2].Value;
        return old.StartsWith("np:", StringComparison.Ordinal) || old.StartsWith("nonmmu:", StringComparison.Ordinal)
            ? new KernelOperation(OperationKind.Write, $"clear {match.Groups[1].Value} mmio", 0)
            : null;
    }

    private KernelOperation? Fast(string line)
    {
        var match = FastPattern().Match(line);
        return match.Success
            ? new KernelOperation(
                OperationKind.Write,
                $"fast {match.Groups[1].Value} {entries.FromTrace(match.Groups[2].Value, false)} -> {entries.FromTrace(match.Groups[3].Value, false)}",
                0)
            : null;
    }

    private static KernelOperation? Match(Regex pattern, string line, OperationKind kind, string format)
    {
        var match = pattern.Match(line);
        return match.Success ? new KernelOperation(kind, match.Result(format), 0) : null;
    }

    [GeneratedRegex(@"sptep=(\S+) old=(.*?) new=(.*)$")]
    private static partial Regex UpdatePattern();

    [GeneratedRegex(@"sptep=(\S+) old=.*? sp=(\S+) ")]
    private static partial Regex LinkPattern();

    [GeneratedRegex(@"spte=(\S+)")]
    private static partial Regex ListPattern();

    [GeneratedRegex(@"sptep=(\S+) old=(.*)$")]
    private static partial Regex OldPattern();

    [GeneratedRegex(@"at (\S+) gfn (\w+) access (\w+) gen (\w+)")]
    private static partial Regex MmioPattern();

    [GeneratedRegex(@"at (\S+) old=(.*?) new=(.*?) spurious 0 fixed 1")]
    private static partial Regex FastPattern();

    [GeneratedRegex(@"spte=(\S+) gfn=(\w+)")]
    private static partial Regex RmapPattern();

    [GeneratedRegex(@"^get_shadow_page (\S+) (\w+) gfn=(\w+) role=(\w+)")]
    private static partial Regex GetPattern();

    [GeneratedRegex(@"sp=(\S+) gfn=(\w+) role=(\w+)")]
    private static partial Regex ZapPattern();

    [GeneratedRegex(@"gfn (\w+) ")]
    private static partial Regex SyncPattern();

    [GeneratedRegex(@"root=(\S+)")]
    private static partial Regex RootPattern();

    [GeneratedRegex(@"addr=(\w+) err=(\w+)")]
    private static partial Regex FaultPattern();

    [GeneratedRegex(@"pferr (\w+)")]
    private static partial Regex WalkerErrorPattern();
}
