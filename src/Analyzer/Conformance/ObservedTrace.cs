using System.Globalization;
using System.Text.RegularExpressions;
using Replay.Replayer;
using Replay.Replayer.Kvm.Mmu;

namespace Replay.Analyzer.Conformance;

/// <summary>
/// Reads a normalised trace of a real KVM (tracepoints and kprobes) into the common form. Several lines may show one write; the state
/// of each entry is kept, so that a write counts once.
/// </summary>
internal sealed partial class ObservedTrace
{
    private readonly ConformanceSequences _sequences = new();
    private readonly SharedFrames _shared;
    private readonly Dictionary<string, string> _entries = new(StringComparer.Ordinal);

    /// <summary>The MMIO mark that an entry got last and still has.</summary>
    private readonly Dictionary<string, string> _marks = new(StringComparer.Ordinal);
    private readonly Dictionary<(int Level, ulong Gfn), string> _tdpTables = [];
    private readonly ulong _accessedDirty;
    private readonly string _nonleafFlags;

    /// <summary>What an entry holds that holds nothing.</summary>
    private readonly string _empty;

    /// <summary>The probe that tells how a direct fault ended.</summary>
    private readonly string _directFaultReturn;
    private readonly ObservedFlushes _flushes;
    private string? _syncedMmio;
    private PendingLink? _pendingLink;
    private string? _nonleafValue;
    private string _who = "";
    private int _line;

    private ObservedTrace(SharedFrames shared, ConformanceCase conformanceCase, bool accessedDirtyEnabled)
    {
        var kernel = conformanceCase.Kernel;
        var isEpt = conformanceCase.Mode.UsesEptFormat();
        _shared = shared;
        _flushes = new ObservedFlushes(_sequences.Flushes);
        _accessedDirty = isEpt ? SpteText.EptAccessedDirty : SpteText.X86AccessedDirty;
        _nonleafFlags = !isEpt ? "827" : (accessedDirtyEnabled, kernel.EptSuppressesVe) switch
        {
            (true, false) => "907",
            (false, false) => "10000000000807",
            (true, true) => "8000000000000907",
            _ => "8010000000000807",
        };
        _empty = SpteText.Model(kernel.EmptySpte, PgLevel.Size4K, _ => null, _ => null);
        _directFaultReturn = kernel.TdpMmuFaultsApart && conformanceCase.Mode.UsesTdpMmu() ? "k:kvm_tdp_page_fault_ret" : "k:direct_page_fault_ret";
    }

    public static ConformanceSequences Parse(IEnumerable<string> lines, SharedFrames shared, ConformanceCase conformanceCase, bool accessedDirtyEnabled)
    {
        // Of several vCPUs lines say whose thread made what follows, and operations say it too.
        var namesVcpus = conformanceCase.Vcpus > 1;
        var trace = new ObservedTrace(shared, conformanceCase, accessedDirtyEnabled);
        var end = conformanceCase.UntilCheckpoint is { } last ? $"tracing_mark_write vmm checkpoint {last}" : null;
        foreach (var line in lines)
        {
            trace._line++;
            if (line == "tracing_mark_write vmm end" || line == end)
                break;
            if (namesVcpus && line.StartsWith("@vcpu ", StringComparison.Ordinal))
                trace._who = $"vcpu {line["@vcpu ".Length..]}: ";
            else
                trace.Add(line);
        }

        trace._flushes.Finish();
        trace._sequences.ShowsAsidFlushes = trace._flushes.ShowsAsidFlushes;
        return trace._sequences;
    }

    /// <summary>Notes the shared frames that a trace shows.</summary>
    public static void FindSharedFrames(IEnumerable<string> lines, SharedFrames shared)
    {
        foreach (var line in lines)
        {
            if (line.StartsWith("kvm_mmu_set_spte gfn=", StringComparison.Ordinal) && SetSpte().Match(line["kvm_mmu_set_spte ".Length..]) is { Success: true } match)
                shared.Note(Convert.ToUInt64(match.Groups["gfn"].Value, 16), match.Groups["value"].Value, match.Groups["level"].Value[0] - '0');
        }
    }

    private void Add(string line)
    {
        var space = line.IndexOf(' ', StringComparison.Ordinal);
        var name = space < 0 ? line : line[..space];
        var rest = space < 0 ? "" : line[(space + 1)..];
        _flushes.Add(name, rest, _line);
        switch (name)
        {
            case "kvm_page_fault":
                AddPageFault(rest);
                break;
            case "k:kvm_mmu_page_fault":
                Operation($"kvm_mmu_page_fault addr={Value(rest, "addr")} err={Value(rest, "err")}");
                break;
            case "k:paging64_page_fault_ret" or "k:paging32_page_fault_ret" or "k:ept_page_fault_ret":
            case var _ when name == _directFaultReturn:
                Operation($"page_fault ret={Value(rest, "ret")}");
                break;
            case "get_shadow_page":
                AddShadowPage(rest);
                break;
            case "tdp_init_sp":
                AddTdpPage(rest);
                break;
            case "kvm_mmu_prepare_zap_page":
                Operation($"zap {rest.TrimEnd()}");
                break;
            case "kvm_mmu_sync_page":
                Operation($"sync {rest.TrimEnd()}");
                break;
            case "kvm_mmu_unsync_page":
                Operation($"unsync {rest.TrimEnd()}");
                break;
            case "k:mmu_alloc_root_ret" or "k:tdp_get_root_ret":
                Operation($"root {Value(rest, "root")}");
                break;
            case "k:svm_load_mmu_pgd" or "k:vmx_load_mmu_pgd":
                Operation($"load {Value(rest, "root")}");
                break;
            case "k:mmu_free_root_page" when Value(rest, "root") is var root and not "none":
                Operation($"free {root}");
                break;
            case "kvm_inj_exception" when !rest.Contains("reinjected", StringComparison.Ordinal):
                Operation($"inject {rest.TrimEnd()}");
                break;
            case "kvm_mmu_zap_all_fast":
                Operation($"zap_all_fast {rest.TrimEnd()}");
                break;
            default:
                AddWrite(name, rest);
                break;
        }
    }

    private void AddWrite(string name, string rest)
    {
        switch (name)
        {
            case "k:mmu_spte_update":
                Write(Value(rest, "sptep"), OldNew().Match(rest));
                break;
            case "kvm_mmu_set_spte":
                AddSetSpte(rest);
                break;
            case "k:make_nonleaf_spte":
                // Before or behind the link, as the compiler has it; pages without accessed and dirty bits have another than the others.
                _nonleafValue = rest["ret=".Length..].TrimEnd();
                if (_pendingLink is { } waiting && IsTo(waiting.Child, _nonleafValue))
                    _pendingLink = waiting with { Value = _nonleafValue };
                break;
            case "k:link_shadow_page":
                var child = Value(rest, "sp");
                _pendingLink = new PendingLink(Value(rest, "sptep"), child, IsTo(child, _nonleafValue) ? _nonleafValue! : $"->{child} fl={_nonleafFlags}");
                break;
            case "k:pte_list_add":
                if (_pendingLink is { } link && link.Place == Value(rest, "spte"))
                {
                    Write(link.Place, Entry(link.Place), link.Value);
                    _pendingLink = null;
                }

                break;
            case "k:mmu_spte_clear_track_bits":
                Write(Value(rest, "sptep"), rest[(rest.IndexOf("old=", StringComparison.Ordinal) + 4)..].TrimEnd(), _empty);
                break;
            case "k:mmu_page_zap_pte":
                var zapped = Value(rest, "sptep");
                if (Entry(zapped).StartsWith("mmio", StringComparison.Ordinal))
                    Write(zapped, Entry(zapped), _empty);
                break;
            case "k:pte_list_remove":
                Write(Value(rest, "spte"), Entry(Value(rest, "spte")), _empty);
                break;
            case "k:sync_mmio_spte":
                _syncedMmio = Value(rest, "sptep");
                break;
            case "k:sync_mmio_spte_ret":
                // True without a mark: the entry was of another gfn, and is cleared.
                if (_syncedMmio is { } synced && Value(rest, "ret") is not ("0" or "0x0"))
                    Write(synced, Entry(synced), _empty);
                _syncedMmio = null;
                break;
            case "mark_mmio_spte":
                _syncedMmio = null;
                AddMmio(rest);
                break;
            case "fast_page_fault":
                AddFastPageFault(rest);
                break;
            case "kvm_tdp_mmu_spte_changed":
                AddTdpChange(rest);
                break;
            default:
                break;
        }
    }

    private static bool IsTo(string child, string? value) => value?.StartsWith($"->{child} ", StringComparison.Ordinal) == true;

    private void AddPageFault(string rest)
    {
        var match = PageFault().Match(rest);
        var address = ulong.Parse(match.Groups[1].Value, NumberStyles.HexNumber);
        var error = ulong.Parse(match.Groups[2].Value, NumberStyles.HexNumber);
        Operation($"kvm_page_fault address={address:x} error={error:x}");
    }

    private void AddShadowPage(string rest)
    {
        var fields = rest.Split(' ');
        Operation($"page {fields[0]} {fields[1]} gfn={Value(rest, "gfn")} role={Value(rest, "role")}");
    }

    private void AddTdpPage(string rest)
    {
        var table = rest[..rest.IndexOf(' ', StringComparison.Ordinal)];
        var role = (uint)Hex(rest, "role");
        _tdpTables[((int)(role & 15), Hex(rest, "gfn"))] = table;
        Operation($"page {table} new gfn={Value(rest, "gfn")} role={role:x}");
    }

    private void AddSetSpte(string rest)
    {
        var match = SetSpte().Match(rest);
        var (value, level, place) = (match.Groups["value"].Value, match.Groups["level"].Value, match.Groups["place"].Value);
        Operation($"set {place} level={level} {Canonical(value)}");
        WriteUnlessKnown(place, value);
    }

    private void AddMmio(string rest)
    {
        var match = Mmio().Match(rest);
        var place = match.Groups[1].Value;
        // A page that is synced has its marks made anew; where nothing changed, nothing was done.
        if (_marks.GetValueOrDefault(place) == rest)
            return;
        Operation($"mark_mmio {place} gfn={match.Groups[2].Value} access={match.Groups[3].Value}");
        WriteUnlessKnown(place, $"mmio gfn={match.Groups[2].Value} gen={match.Groups[4].Value}");
        _marks[place] = rest;
    }

    private void AddFastPageFault(string rest)
    {
        var match = FastPageFault().Match(rest);
        if (!match.Success)
        {
            Operation($"fast_page_fault {rest}");
            return;
        }

        var (place, old, value) = (match.Groups["place"].Value, match.Groups["old"].Value, match.Groups["new"].Value);
        Operation(
            $"fast_page_fault {place} {WithoutHardwareBits(old)} -> {WithoutHardwareBits(value)} "
            + $"spurious={match.Groups["spurious"].Value} fixed={match.Groups["fixed"].Value}");
        if (match.Groups["fixed"].Value == "1")
            Write(place, old, value);
    }

    private void AddTdpChange(string rest)
    {
        var match = TdpChange().Match(rest);
        var gfn = ulong.Parse(match.Groups["gfn"].Value, NumberStyles.HexNumber);
        var level = match.Groups["level"].Value[0] - '0';
        var tableBits = 9 * level;
        // Where there are several trees, the line itself says in which.
        var place = match.Groups["place"] is { Success: true, Value: not ['?', ..] } told ? told.Value
            : _tdpTables.TryGetValue((level, gfn >> tableBits << tableBits), out var table)
            ? $"{table}[{gfn >> (tableBits - 9) & 511}]"
            : $"?{level}[{gfn:x}]";
        var value = match.Groups["new"].Value.TrimEnd();
        Write(place, match.Groups["old"].Value, value);
    }

    private void Write(string place, Match oldNew) => Write(place, oldNew.Groups["old"].Value, oldNew.Groups["new"].Value.TrimEnd());

    /// <summary>A line that tells the new value alone: one that tells the same write in full may have come before.</summary>
    private void WriteUnlessKnown(string place, string value)
    {
        if (Entry(place) != Canonical(value))
            Write(place, Entry(place), value);
    }

    /// <summary>A line that tells both values, of which the CPU may have changed the old one.</summary>
    private void Write(string place, string old, string value)
    {
        value = Canonical(value);
        old = Canonical(old);
        _marks.Remove(place);
        _entries[place] = value;
        if (old != value)
            _sequences.Writes.Add(new ConformanceItem($"{place} {WithoutHardwareBits(old)} -> {value}", _line));
    }

    private string WithoutHardwareBits(string value) => SpteText.WithoutHardwareBits(Canonical(value), _accessedDirty);

    private string Canonical(string value) => SpteText.Canonical(_shared.Canonical(value));

    private string Entry(string place) => _entries.GetValueOrDefault(place, _empty);

    private void Operation(string text) => _sequences.Operations.Add(new ConformanceItem(_who + text, _line));

    private static string Value(string rest, string name)
    {
        var match = Regex.Match(rest, $@"(?:^|\s){name}=([^\s(]+)");
        return match.Groups[1].Value;
    }

    private static ulong Hex(string rest, string name) => ulong.Parse(Value(rest, name), NumberStyles.HexNumber);

    [GeneratedRegex(@"old=(?<old>.+?) new=(?<new>.+)$")]
    private static partial Regex OldNew();

    [GeneratedRegex(@"address 0x([0-9a-f]+) error_code 0x([0-9a-f]+)")]
    private static partial Regex PageFault();

    [GeneratedRegex(@"^gfn=(?<gfn>\S+) (?<value>.+?) (?<rwx>[rwxu-]+) level=(?<level>\d) at (?<place>\S+)")]
    private static partial Regex SetSpte();

    [GeneratedRegex(@"^at (\S+) gfn (\S+) access (\S+) gen (\S+)")]
    private static partial Regex Mmio();

    [GeneratedRegex(@"at (?<place>\S+) old=(?<old>.+?) new=(?<new>.+?) spurious (?<spurious>\d) fixed (?<fixed>\d)")]
    private static partial Regex FastPageFault();

    [GeneratedRegex(@"^(?:at (?<place>\S+\[\d+\]) )?.*?gfn=(?<gfn>\S+) level=(?<level>\d) old=(?<old>.+?) new=(?<new>.+?)(?: at (?<place>\S+\[\d+\]))?$")]
    private static partial Regex TdpChange();

    /// <summary>An entry that will lead to a table, as soon as the reverse map has it.</summary>
    private readonly record struct PendingLink(string Place, string Child, string Value);
}
