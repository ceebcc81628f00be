using System.Globalization;
using Replay.Replayer;
using Replay.Replayer.History;
using Replay.Replayer.Kvm.Mmu;

namespace Replay.Analyzer.Conformance;

/// <summary>Collects what the model does into the common form.</summary>
/// <param name="isEpt">Entries have the EPT format.</param>
/// <param name="gfnOf">The gfn that a host frame backs, or null: the renaming of host frames.</param>
/// <param name="namesVcpus">Several vCPUs: operations and tables say whose they are.</param>
public sealed class ModelTrace(bool isEpt, Func<ulong, ulong?> gfnOf, bool namesVcpus = false) : IHistory
{
    private static readonly string[] AccessNames = ["---", "--x", "w--", "w-x", "-u-", "-ux", "wu-", "wux"];

    /// <summary>mark_mmio_spte prints the bits of the entry that are ACC_* bits elsewhere.</summary>
    private const ulong AccessMask = 7;

    private readonly List<(long Seq, int Tie, ConformanceItem Item)> _operations = [];
    private readonly ConformanceSequences _sequences = new();
    private readonly Dictionary<int, string> _names = [];
    private readonly Dictionary<ulong, string> _tableOfPfn = [];
    private readonly Dictionary<int, string> _specialRoots = [];
    private readonly ulong _accessedDirty = isEpt ? SpteText.EptAccessedDirty : SpteText.X86AccessedDirty;
    private readonly HashSet<int> _emulationChains = [];

    /// <summary>What the entries held that are being zapped atomically.</summary>
    private readonly Dictionary<(int Table, int Index), ulong> _frozen = [];
    private readonly HashSet<int> _unmapChains = [];
    private (int Writes, int Operations, int Flushes, int Tables)? _lengths;
    private bool _unmapFlushed;
    private long _handlerSeq;

    /// <summary>The replay that is observed: tells what the records leave out.</summary>
    public ReplaySession? Session { get; set; }

    /// <summary>The dumps tell of all of a vCPU's MMUs, as those of cases with nested guests do.</summary>
    public bool TellsNested { get; init; }

    public ConformanceSequences ToSequences()
    {
        _sequences.Operations.AddRange(_operations.OrderBy(entry => entry.Seq).ThenBy(entry => entry.Tie).Select(entry => entry.Item));
        _operations.Clear();
        if (_lengths is { } lengths)
            _sequences.Shorten(lengths);
        return _sequences;
    }

    /// <summary>What comes from here on does not count.</summary>
    public void Close() => _lengths ??= ToSequences().Lengths;

    /// <summary>Writes all tables as they are now.</summary>
    public void Dump(string checkpoint)
    {
        if (Session is not { } session)
            throw new InvalidOperationException("There is no replay to look at.");
        var ordinal = session.Journal.Ordinal;
        ModelTables.Write(session.Vm, checkpoint, namesVcpus ? session.Journal.Vcpu : null, TellsNested, gfnOf, line => _sequences.Tables.Add(new ConformanceItem(line, ordinal)));
    }

    /// <summary>The name of a table page: S and its place in the order of creation.</summary>
    public string NameOf(int tableId) => _names.GetValueOrDefault(tableId, $"special{tableId}");

    public void OnChain(int chainId, ReadOnlySpan<KvmFunction> functions)
    {
        var names = new string[functions.Length];
        for (var i = 0; i < names.Length; i++)
            names[i] = functions[i].KernelName();
        _sequences.Chains[chainId] = names;
        if (functions.Contains(KvmFunction.X86EmulateInstruction))
            _emulationChains.Add(chainId);
        if (functions.Contains(KvmFunction.KvmUnmapGfnRange))
            _unmapChains.Add(chainId);
    }

    public void OnAccess(in AccessRecord record)
    {
    }

    public void OnExit(in VmExitRecord record)
    {
        _unmapFlushed = false;
        if (record.Reason is ExitReason.EptViolation or ExitReason.Npf or ExitReason.PageFault)
            Add(record.Seq, $"kvm_page_fault address={record.Info2:x} error={record.Info1:x}", record.Ordinal, 0);
    }

    /// <summary>Reported when it ends, so that the outcome stands behind everything that the fault did.</summary>
    public void OnFault(in FaultRecord record)
    {
        Add(record.Seq, $"kvm_mmu_page_fault addr={record.Address:x} err={record.ErrorCode:x}", record.Ordinal, 0);
        if (record.Handler == KvmFunction.HandleMmioPageFault)
            return;
        // The handler returns before the instruction is emulated. A #PF for the guest is injected later still; the handler says: retry.
        var outcome = record.Outcome == RetPf.GuestFault ? RetPf.Retry : record.Outcome;
        Add(Math.Max(_handlerSeq, record.Seq), $"page_fault ret={Session?.Vm.Kernel.Number(outcome)}", record.Ordinal, 0, 2);
    }

    public void OnWrite(in TableWrite record)
    {
        Passed(record.Seq, record.ChainId);
        if (record.Actor == Actor.Hardware)
            return;
        if (IsInvisible(record))
        {
            if (new Spte(record.New).IsRemoved)
                _frozen[(record.TableId, record.Index)] = record.Old;
            return;
        }

        var place = $"{NameOf(record.TableId)}[{record.Index.ToString(CultureInfo.InvariantCulture)}]";
        var shown = new Spte(record.Old).IsRemoved && _frozen.Remove((record.TableId, record.Index), out var before) ? before : record.Old;
        var old = SpteText.WithoutHardwareBits(Text(shown, record.Level), _accessedDirty);
        var value = Text(record.New, record.Level);
        _sequences.Writes.Add(Item($"{place} {old} -> {value}", record.Ordinal, record.ChainId));
        switch (record.Tracepoint)
        {
            case Tracepoint.KvmMmuSetSpte or Tracepoint.KvmTdpMmuSpteChangedAndSetSpte:
                Add(record.Seq, $"set {place} level={record.Level} {value}", record.Ordinal, record.ChainId);
                break;
            case Tracepoint.MarkMmioSpte or Tracepoint.KvmTdpMmuSpteChangedAndMarkMmio:
                Add(record.Seq, $"mark_mmio {place} gfn={record.Gfn:x} access={record.New & AccessMask:x}", record.Ordinal, record.ChainId);
                break;
            default:
                break;
        }
    }

    public void OnFastFault(in FastFaultRecord record)
    {
        var old = SpteText.WithoutHardwareBits(Text(record.Old, record.Level), _accessedDirty);
        var value = SpteText.WithoutHardwareBits(Text(record.New, record.Level), _accessedDirty);
        var outcome = $"spurious={(record.Outcome == RetPf.Spurious ? 1 : 0)} fixed={(record.Outcome == RetPf.Fixed ? 1 : 0)}";
        Add(record.Seq, $"fast_page_fault {NameOf(record.TableId)}[{record.Index}] {old} -> {value} {outcome}", record.Ordinal, record.ChainId, 1);
    }

    public void OnTablePage(in TablePageRecord record)
    {
        Passed(record.Seq, record.ChainId);
        if (record.IsSpecial != 0)
        {
            _specialRoots[record.TableId] = record.Level switch { PgLevel.Root5 => "pml5_root", PgLevel.Root4 => "pml4_root", _ => "pae_root" };
            return;
        }

        switch (record.Operation)
        {
            case PageOperation.Create:
                var name = $"S{_names.Count + 1}";
                _names[record.TableId] = name;
                _tableOfPfn[record.Pfn] = name;
                Add(record.Seq, $"page {name} new gfn={record.Gfn:x} role={record.Role:x}", record.Ordinal, record.ChainId);
                break;
            case PageOperation.Find:
                Add(record.Seq, $"page {NameOf(record.TableId)} existing gfn={record.Gfn:x} role={record.Role:x}", record.Ordinal, record.ChainId);
                break;
            case PageOperation.Zap:
                Add(record.Seq, $"zap {Describe(record)}", record.Ordinal, record.ChainId);
                break;
            case PageOperation.Sync:
                Add(record.Seq, $"sync {Describe(record)}", record.Ordinal, record.ChainId);
                break;
            case PageOperation.Unsync:
                Add(record.Seq, $"unsync {Describe(record)}", record.Ordinal, record.ChainId);
                break;
            default:
                break;
        }
    }

    public void OnRoot(in RootRecord record)
    {
        Passed(record.Seq, record.ChainId);
        var name = _names.GetValueOrDefault(record.TableId) ?? _specialRoots.GetValueOrDefault(record.TableId, "pae_root");
        switch (record.Operation)
        {
            case RootOperation.Allocate:
                Add(record.Seq, $"root {name}", record.Ordinal, record.ChainId);
                break;
            case RootOperation.Load:
                Add(record.Seq, $"load {name}", record.Ordinal, record.ChainId);
                break;
            case RootOperation.Free:
                Add(record.Seq, $"free {name}", record.Ordinal, record.ChainId);
                break;
            case RootOperation.ObsoleteAll:
                Add(record.Seq, $"zap_all_fast kvm-mmu-valid-gen {record.Value} used_pages {Session?.Vm.ShadowMmu.UsedMmuPages:x}", record.Ordinal, record.ChainId);
                break;
            default:
                break;
        }
    }

    public void OnFlush(in TlbFlushRecord record)
    {
        Passed(record.Seq, record.ChainId);
        // Of unmaps with nothing of the guest between them: see the rules of ObservedFlushes.
        var ofUnmap = _unmapChains.Contains(record.ChainId);
        if (ofUnmap && _unmapFlushed)
            return;
        _unmapFlushed = ofUnmap;
        if (record.Kind == FlushKind.RemoteRange && ShowsRange(record.Function))
            AddFlush($"flush range start={record.Start:x} pages={record.Pages:x}", record);
        AddFlush(
            record.Kind switch
            {
                FlushKind.Remote or FlushKind.RemoteRange => ObservedFlushes.Remote,
                FlushKind.Current => record.Function == KvmFunction.SvmSetCr4 ? ObservedFlushes.Asid : ObservedFlushes.Current,
                FlushKind.All => ObservedFlushes.All,
                FlushKind.Guest => ObservedFlushes.Asid,
                _ => $"flush gva={record.Start:x}",
            },
            record);
    }

    /// <summary>Where a probe sees the range: see the rules <em>File</em> and <em>Memslot</em> of <see cref="ObservedFlushes"/>.</summary>
    private bool ShowsRange(KvmFunction function) => function switch
    {
        KvmFunction.KvmFlushRemoteTlbsMemslot => false,
        KvmFunction.TdpMmuZapSpteAtomic or KvmFunction.TdpMmuMapHandleTargetLevel => true,
        _ => Session?.Vm.Kernel.RangeFlushIsACall == true,
    };

    private void AddFlush(string text, in TlbFlushRecord record) => _sequences.Flushes.Add(Item(text, record.Ordinal, record.ChainId));

    public void OnRmap(in RmapRecord record) => Passed(record.Seq, record.ChainId);

    public void OnGuestFault(in GuestFaultRecord record)
    {
        _handlerSeq = record.Seq;
        if (record.ExitId >= 0)
            Add(record.Seq, $"inject #PF (0x{record.ErrorCode:x})", record.Ordinal, 0, 3);
    }

    public void OnNote(in ModelNoteRecord record)
    {
    }

    /// <summary>
    /// Stores that neither a tracepoint nor a kprobe shows: one of the two stores of an atomic zap, the children of a split huge page, the
    /// entries of special roots. The comparison of whole tables sees them.
    /// </summary>
    private bool IsInvisible(in TableWrite record) =>
        !_names.ContainsKey(record.TableId)
        || (record.Tracepoint == Tracepoint.None && (new Spte(record.Old).IsRemoved || new Spte(record.New).IsRemoved))
        || (record.Function == KvmFunction.TdpMmuSplitHugePage && record.Tracepoint == Tracepoint.None);

    private string Text(ulong raw, int level) =>
        SpteText.Model(raw, level, pfn => _tableOfPfn.GetValueOrDefault(pfn), gfnOf);

    private void Passed(long seq, int chainId)
    {
        if (!_emulationChains.Contains(chainId))
            _handlerSeq = seq;
    }

    /// <summary>As KVM's tracepoints of a page print it.</summary>
    /// <remarks>KVM: KVM_MMU_PAGE_PRINTK.</remarks>
    private static string Describe(in TablePageRecord record)
    {
        var role = new PageRole(record.Role);
        return $"sp gen {record.Generation} gfn {record.Gfn:x} l{role.Level} {(role.Has4ByteGpte ? 4 : 8)}-byte q{role.Quadrant}{(role.Direct ? " direct" : "")}"
            + $" {AccessNames[(int)role.Access]}{(role.Invalid ? " invalid" : "")} {(role.EferNx ? "" : "!")}nxe {(role.AdDisabled ? "!" : "")}ad"
            + $" root {record.RootCount} {(record.Unsync != 0 ? "unsync" : "sync")}";
    }

    private ConformanceItem Item(string text, long ordinal, int chain) => new(text, ordinal) { Chain = chain, Rip = Session?.Journal.Rip ?? 0 };

    private void Add(long seq, string text, long ordinal, int chain, int tie = 0) => _operations.Add((seq, tie, Item(namesVcpus ? $"vcpu {Session?.Journal.Vcpu}: {text}" : text, ordinal, chain)));
}
