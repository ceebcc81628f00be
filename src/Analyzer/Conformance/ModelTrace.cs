using System.Globalization;
using Replay.Replayer.History;
using Replay.Replayer.Kvm.Mmu;

namespace Replay.Analyzer.Conformance;

/// <summary>Collects what the model does into the common form.</summary>
/// <param name="isEpt">Entries have the EPT format.</param>
/// <param name="gfnOf">The gfn that a host frame backs, or null: the renaming of host frames.</param>
public sealed class ModelTrace(bool isEpt, Func<ulong, ulong?> gfnOf) : IHistory
{
    private const ulong RsvdFault = 8;

    private readonly List<(long Seq, int Tie, ConformanceItem Item)> _operations = [];
    private readonly List<ConformanceItem> _writes = [];
    private readonly Dictionary<int, string> _names = [];
    private readonly Dictionary<ulong, string> _tableOfPfn = [];
    private readonly ulong _accessedDirty = isEpt ? 0x300UL : 0x60UL;
    private long _lastSeq;

    public ConformanceSequences ToSequences()
    {
        var sequences = new ConformanceSequences();
        sequences.Writes.AddRange(_writes);
        sequences.Operations.AddRange(_operations.OrderBy(entry => entry.Seq).ThenBy(entry => entry.Tie).Select(entry => entry.Item));
        return sequences;
    }

    /// <summary>The name of a table page: S and its place in the order of creation.</summary>
    public string NameOf(int tableId) => _names.GetValueOrDefault(tableId, $"special{tableId}");

    public void OnChain(int chainId, ReadOnlySpan<KvmFunction> functions)
    {
    }

    public void OnAccess(in AccessRecord record)
    {
    }

    public void OnExit(in VmExitRecord record)
    {
        if (record.Reason is ExitReason.EptViolation or ExitReason.Npf or ExitReason.PageFault)
            Add(record.Seq, $"kvm_page_fault address={record.Info2:x} error={record.Info1:x}", record.Ordinal);
        _lastSeq = Math.Max(_lastSeq, record.Seq);
    }

    public void OnFault(in FaultRecord record)
    {
        Add(record.Seq, $"kvm_mmu_page_fault addr={record.Address:x} err={record.ErrorCode:x}", record.Ordinal);
        if ((record.ErrorCode & RsvdFault) == 0 && record.Outcome <= RetPf.Spurious)
            _operations.Add((_lastSeq, 1 + _operations.Count, new ConformanceItem($"page_fault ret={(int)record.Outcome}", record.Ordinal)));
    }

    public void OnWrite(in TableWrite record)
    {
        _lastSeq = record.Seq;
        if (record.Actor == Actor.Hardware || IsInvisible(record))
            return;
        var place = $"{NameOf(record.TableId)}[{record.Index.ToString(CultureInfo.InvariantCulture)}]";
        var old = SpteText.WithoutHardwareBits(Text(record.Old, record.Level), _accessedDirty);
        var value = Text(record.New, record.Level);
        _writes.Add(new ConformanceItem($"{place} {old} -> {value}", record.Ordinal));
        switch (record.Tracepoint)
        {
            case Tracepoint.KvmMmuSetSpte or Tracepoint.KvmTdpMmuSpteChangedAndSetSpte:
                Add(record.Seq, $"set {place} level={record.Level} {value}", record.Ordinal);
                break;
            case Tracepoint.MarkMmioSpte or Tracepoint.KvmTdpMmuSpteChangedAndMarkMmio:
                Add(record.Seq, $"mark_mmio {place} gfn={record.Gfn:x} access={MmioAccess(record.New)}", record.Ordinal);
                break;
            case Tracepoint.FastPageFault:
                Add(record.Seq, $"fast_page_fault {place} fixed=1", record.Ordinal);
                break;
            default:
                break;
        }
    }

    public void OnTablePage(in TablePageRecord record)
    {
        _lastSeq = record.Seq;
        if (record.IsSpecial != 0)
            return;
        switch (record.Operation)
        {
            case PageOperation.Create:
                var name = $"S{_names.Count + 1}";
                _names[record.TableId] = name;
                _tableOfPfn[record.Pfn] = name;
                Add(record.Seq, $"page {name} new gfn={record.Gfn:x} role={record.Role:x}", record.Ordinal);
                break;
            case PageOperation.Find:
                Add(record.Seq, $"page {NameOf(record.TableId)} existing gfn={record.Gfn:x} role={record.Role:x}", record.Ordinal);
                break;
            case PageOperation.Zap:
                Add(record.Seq, $"zap gfn={record.Gfn:x} l{record.Level}", record.Ordinal);
                break;
            case PageOperation.Sync:
                Add(record.Seq, $"sync gfn={record.Gfn:x} l{record.Level}", record.Ordinal);
                break;
            case PageOperation.Unsync:
                Add(record.Seq, $"unsync gfn={record.Gfn:x} l{record.Level}", record.Ordinal);
                break;
            default:
                break;
        }
    }

    public void OnRoot(in RootRecord record)
    {
        _lastSeq = record.Seq;
        var name = _names.GetValueOrDefault(record.TableId, "pae_root");
        switch (record.Operation)
        {
            case RootOperation.Allocate:
                Add(record.Seq, $"root {name}", record.Ordinal);
                break;
            case RootOperation.Load:
                Add(record.Seq, $"load {name}", record.Ordinal);
                break;
            case RootOperation.Free:
                Add(record.Seq, $"free {name}", record.Ordinal);
                break;
            default:
                break;
        }
    }

    public void OnFlush(in TlbFlushRecord record) => _lastSeq = record.Seq;

    public void OnRmap(in RmapRecord record) => _lastSeq = record.Seq;

    public void OnGuestFault(in GuestFaultRecord record)
    {
        _lastSeq = record.Seq;
        if (record.ExitId >= 0)
            Add(record.Seq, $"inject #PF (0x{record.ErrorCode:x})", record.Ordinal);
    }

    public void OnNote(in ModelNoteRecord record)
    {
    }

    /// <summary>
    /// Stores that neither a tracepoint nor a kprobe shows: the last store of an atomic zap, the children of a split huge page, the
    /// entries of special roots. The comparison of whole tables sees them.
    /// </summary>
    private bool IsInvisible(in TableWrite record) =>
        !_names.ContainsKey(record.TableId)
        || record.Old == Spte.Removed
        || (record.Function == KvmFunction.TdpMmuSplitHugePage && record.Tracepoint == Tracepoint.None);

    private string Text(ulong raw, int level) =>
        SpteText.Model(raw, level, pfn => _tableOfPfn.GetValueOrDefault(pfn), gfnOf);

    /// <summary>The access that mark_mmio_spte prints is not all in the entry: EPT keeps none of it.</summary>
    private string MmioAccess(ulong raw) => isEpt ? "*" : $"{raw & 6:x}";

    private void Add(long seq, string text, long ordinal) => _operations.Add((seq, 0, new ConformanceItem(text, ordinal)));
}
