using Replay.Replayer.History;
using Replay.Replayer.Kvm.Host;
using Replay.Replayer.Kvm.Mmu;

namespace Replay.Analyzer.Conformance;

/// <summary>Tells what the model did in the words of <see cref="KernelTrace"/>.</summary>
public sealed class ModelOperations(EntryText entries) : IHistory
{
    private const ulong FrameMask = ((1UL << 36) - 1) << 12;

    private readonly Dictionary<int, string> _names = [];
    private readonly Dictionary<ulong, string> _namesByFrame = [];
    private readonly Dictionary<int, ulong> _specials = [];
    private string _injected = "";

    /// <summary>Everything since the list was last cleared.</summary>
    public List<KernelOperation> Operations { get; } = [];

    public void OnWrite(in TableWrite record)
    {
        if (record.Actor == Actor.Hardware || _specials.ContainsKey(record.TableId))
            return;
        var place = $"{_names[record.TableId]}[{record.Index}]";
        var old = new Spte(record.Old);
        var made = new Spte(record.New);
        if (!entries.ShowsHardwareBits && ((record.Old ^ record.New) & ~entries.HardwareBits) == 0)
            return;
        Add(OperationKind.Write, Write(record, place, old, made), record.Seq);
    }

    public void OnTablePage(in TablePageRecord record)
    {
        if (record.IsSpecial != 0)
        {
            _specials[record.TableId] = record.Pfn;
            return;
        }

        if (record.Operation == PageOperation.Create)
        {
            _names[record.TableId] = $"S{_names.Count + 1}";
            _namesByFrame[record.Pfn] = _names[record.TableId];
        }

        var name = _names[record.TableId];
        var text = record.Operation switch
        {
            PageOperation.Create => $"get {name} new gfn={record.Gfn:x} role={record.Role:x}",
            PageOperation.Find => $"get {name} existing gfn={record.Gfn:x} role={record.Role:x}",
            PageOperation.Zap => $"zap {name} gfn={record.Gfn:x} role={record.Role:x}",
            PageOperation.Sync => $"sync gfn={record.Gfn:x}",
            PageOperation.Unsync => $"unsync gfn={record.Gfn:x}",
            _ => null,
        };
        if (text is not null)
            Add(OperationKind.Operation, text, record.Seq);
    }

    public void OnRoot(in RootRecord record)
    {
        var name = _names.GetValueOrDefault(record.TableId, "pae_root");
        if (record.Operation == RootOperation.Load)
            Add(OperationKind.Operation, $"load {name}", record.Seq);
        else if (record.Operation == RootOperation.Free)
            Add(OperationKind.Operation, $"free {name}", record.Seq);
    }

    public void OnFault(in FaultRecord record)
    {
        var outcome = record.Outcome == RetPf.GuestFault ? RetPf.Retry : record.Outcome;
        Add(OperationKind.Operation, $"fault addr={record.Address:x} err={record.ErrorCode:x} ret={(int)outcome}{_injected}", record.Seq);
        _injected = "";
    }

    public void OnGuestFault(in GuestFaultRecord record)
    {
        if (record.ExitId >= 0)
            _injected = $" inject={record.ErrorCode:x}";
    }

    public void OnRmap(in RmapRecord record)
    {
        if (record.Operation == RmapOperation.Add)
            Add(OperationKind.Rmap, $"rmap {_names[record.TableId]}[{record.Index}] gfn={record.Gfn:x}", record.Seq);
    }

    public void OnFlush(in TlbFlushRecord record)
    {
        // The compiler inlines this call, so that no trace shows it.
        if (record.Function == KvmFunction.SvmSetCr4)
            return;
        var text = record.Kind switch
        {
            FlushKind.Remote or FlushKind.RemoteRange => "flush remote",
            FlushKind.All => "flush all",
            FlushKind.Current => "flush current",
            FlushKind.Gva => "flush gva",
            _ => null,
        };
        if (text is not null)
            Add(OperationKind.Flush, text, record.Seq);
    }

    public void OnChain(int chainId, ReadOnlySpan<KvmFunction> functions)
    {
    }

    public void OnExit(in VmExitRecord record)
    {
    }

    public void OnNote(in ModelNoteRecord record)
    {
    }

    private string Write(in TableWrite record, string place, Spte old, Spte made)
    {
        if (record.Tracepoint == Tracepoint.MarkMmioSpte)
            return $"mmio {place} gfn={record.Gfn:x} access={made.Raw & 7:x} gen={SpteFormat.MmioGeneration(made):x}";
        if (record.Tracepoint == Tracepoint.FastPageFault)
            return $"fast {place} {Entry(old, record.Level, false)} -> {Entry(made, record.Level, false)}";
        if (made.IsShadowPresent && !made.IsLast(record.Level))
            return $"link {place} {Target(made, record.Level)}";
        if (made.Raw != 0)
            return $"write {place} {Entry(old, record.Level, false)} -> {Entry(made, record.Level, old.Raw == 0)}";
        if (!old.IsShadowPresent)
            return $"clear {place} mmio";
        return old.IsLast(record.Level) ? $"clear {place} {Entry(old, record.Level, false)}" : $"unlink {place}";
    }

    private string Entry(Spte spte, int level, bool withHardwareBits) => spte.Raw == 0
        ? "0"
        : entries.Present(Target(spte, level), spte.Raw & ~FrameMask, withHardwareBits);

    private string Target(Spte spte, int level) => !spte.IsLast(level)
        ? $"->{_namesByFrame[spte.Pfn]}"
        : spte.Pfn == HostMemory.ZeroPagePfn ? "gzero" : $"g{spte.Pfn - HostMemory.FirstPfn:x}";

    private void Add(OperationKind kind, string text, long seq) => Operations.Add(new KernelOperation(kind, text, seq));
}
