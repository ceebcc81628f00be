using System.Globalization;
using System.Text.RegularExpressions;

namespace Replay.RealKvm;

/// <summary>
/// Rebuilds the tables from the writes in the trace and nothing else, and compares them with each dump, entry for entry (accessed and dirty bits, which the CPU sets, aside): when they
/// are the same, every write was seen.
/// </summary>
internal sealed partial class TraceProof(Host host)
{
    private const int ShownMismatches = 6;

    /// <summary>An MMIO entry: its tracepoint tells what it holds, not its bits.</summary>
    private const ulong SomeMmio = ulong.MaxValue;

    private readonly Dictionary<ulong, Dictionary<int, ulong>> _tables = [];
    private readonly TdpTrees _trees = new();
    private string _lookup = "";
    private (ulong Place, ulong Value)? _link;
    private (ulong Table, int Index)? _split;
    private ulong? _splitValue;
    private ulong? _syncedMmio;

    public int Checkpoints { get; private set; }

    public int Pages { get; private set; }

    public int Entries { get; private set; }

    public int Mismatches { get; private set; }

    public List<string> Shown { get; } = [];

    public static TraceProof Of(IEnumerable<RawEvent> events, IEnumerable<Dump> dumps, Host host)
    {
        var proof = new TraceProof(host);
        var waiting = new Queue<Dump>(dumps);
        foreach (var e in events)
        {
            if (e.Name == "tracing_mark_write")
            {
                if (e.Text.StartsWith("vmm checkpoint ", StringComparison.Ordinal) || e.Text == "vmm end")
                    proof.Compare(waiting.Dequeue());
                continue;
            }

            proof._trees.See(e);
            proof.Add(e);
        }

        if (waiting.Count > 0)
            throw new FormatException($"the trace ends before checkpoint {waiting.Peek().Name}");
        return proof;
    }

    public override string ToString() => $"checkpoints {Checkpoints}, table pages {Pages}, entries {Entries}, mismatches {Mismatches}";

    private void Compare(Dump dump)
    {
        Checkpoints++;
        foreach (var page in dump.Pages)
        {
            Pages++;
            var rebuilt = _tables.GetValueOrDefault(page.Physical >> 12) ?? [];
            foreach (var index in page.Entries.Keys.Union(rebuilt.Where(entry => entry.Value != host.EmptyEntry).Select(entry => entry.Key)))
            {
                Entries++;
                var dumped = page.Entries.TryGetValue(index, out var entry) ? entry.Value : host.EmptyEntry;
                var traced = rebuilt.GetValueOrDefault(index, host.EmptyEntry);
                if (!AreSame(dumped, traced))
                    Report(dump, page, index, dumped, traced);
            }
        }
    }

    private bool AreSame(ulong dumped, ulong traced) =>
        traced == SomeMmio
            ? dumped != 0 && dumped != host.EmptyEntry && !Entry.IsPresent(dumped)
            : ((dumped ^ traced) & ~Entry.AccessedDirty) == 0;

    private void Report(Dump dump, DumpedPage page, int index, ulong dumped, ulong traced)
    {
        if (Mismatches++ < ShownMismatches)
            Shown.Add($"checkpoint {dump.Name}: table {page.Physical:x} gfn {page.Gfn:x} role {page.RoleWord:x} [{index}]: dumped {dumped:x}, traced {(traced == SomeMmio ? "mmio" : $"{traced:x}")}");
    }

    private void Add(RawEvent e)
    {
        switch (e.Name)
        {
            case "kvm_mmu_get_page":
                _lookup = e.Text.TrimEnd();
                break;
            case "get_shadow_page_ret" when _lookup.EndsWith(" new", StringComparison.Ordinal):
            case "tdp_init_sp":
                _tables[Host.Physical(e["spt"]) >> 12] = [];
                break;
            case "kvm_tdp_mmu_spte_changed":
                AddTdpChange(e);
                break;
            case "kvm_mmu_set_spte":
                var set = SetSpte().Match(e.Text);
                Write(Hex.Parse(set.Groups[2].Value), Hex.Parse(set.Groups[1].Value));
                break;
            case "link_shadow_page": // at the function's entry: an old entry is zapped first, and the link written just before it goes on the list of parents
                _link = (e["sptep"], Host.Physical(e["spt"]) | Entry.Nonleaf);
                break;
            case "pte_list_add" when _link is { } link && link.Place == e["spte"]:
                Write(link.Place, link.Value);
                _link = null;
                break;
            case "mmu_spte_update":
                Write(e["sptep"], e["new"]);
                break;
            case "mmu_spte_clear_track_bits" or "mmu_page_zap_pte":
                Write(e["sptep"], host.EmptyEntry);
                break;
            case "pte_list_remove":
                Write(e["spte"], host.EmptyEntry);
                break;
            case "fast_page_fault" when FastPageFault().Match(e.Text) is { Success: true } fast:
                Write(Hex.Parse(fast.Groups[1].Value), Hex.Parse(fast.Groups[2].Value));
                break;
            default:
                AddSplitOrMmio(e);
                break;
        }
    }

    private void AddSplitOrMmio(RawEvent e)
    {
        switch (e.Name)
        {
            case "mark_mmio_spte":
                _syncedMmio = null;
                Write(Hex.Parse(Mmio().Match(e.Text).Groups[1].Value), SomeMmio);
                break;
            case "sync_mmio_spte":
                _syncedMmio = e["sptep"];
                break;
            case "sync_mmio_spte_ret": // true for an MMIO entry: cleared when its gfn changed, else marked anew, which has a line of its own
                if (e["ret"] != 0 && _syncedMmio is { } place)
                    Write(place, host.EmptyEntry);
                _syncedMmio = null;
                break;
            case "tdp_split_page": // the new table is filled, in order, before it is linked
                _split = (Host.Physical(e["spt"]) >> 12, 0);
                _tables[_split.Value.Table] = [];
                break;
            case "shadow_split":
                _split = null;
                break;
            case "hugepage_split_spte" when _split is { } split:
                _tables[split.Table][split.Index] = e["ret"];
                _split = (split.Table, split.Index + 1);
                break;
            case "hugepage_split_spte":
                _splitValue = e["ret"];
                break;
            case "rmap_add" when _splitValue is { } value:
                Write(e["spte"], value);
                _splitValue = null;
                break;
            default:
                break;
        }
    }

    private void AddTdpChange(RawEvent e)
    {
        var change = TdpChange().Match(e.Text);
        if (_trees.TryFind(int.Parse(change.Groups[2].Value, CultureInfo.InvariantCulture), Hex.Parse(change.Groups[1].Value), out var table, out var index))
            _tables[table][index] = Hex.Parse(change.Groups[3].Value);
    }

    private void Write(ulong place, ulong value)
    {
        var physical = Host.Physical(place);
        if (!_tables.TryGetValue(physical >> 12, out var table))
            _tables[physical >> 12] = table = [];
        table[(int)((physical & 4095) >> 3)] = value;
    }


    [GeneratedRegex(@"^gfn \w+ spte (\w+) \(.*\) level \d at (\w+)")]
    private static partial Regex SetSpte();

    [GeneratedRegex(@"sptep (\w+) old \S+ new (?:0x)?(\w+) spurious \d fixed 1")]
    private static partial Regex FastPageFault();

    [GeneratedRegex(@"^sptep:(\w+)")]
    private static partial Regex Mmio();

    [GeneratedRegex(@"gfn (\w+) level (\d) old_spte \w+ new_spte (\w+)")]
    private static partial Regex TdpChange();
}
