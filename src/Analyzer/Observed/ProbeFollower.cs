using Replay.Analyzer.Store;
using Replay.Replayer.History;
using Replay.Trace.Tracepoints;

namespace Replay.Analyzer.Observed;

/// <summary>
/// Takes from kprobes what tracepoints do not show. The arguments have the names of <c>docs/real-host.md</c>; a probe without them
/// tells only that its function ran.
/// </summary>
internal sealed class ProbeFollower(ObservedHost host, Scribe scribe, ObservedPages pages, ExitFollower exits, EntryFollower entries, PageFollower pageFollower)
{
    private readonly List<ProbedFunction?> _functions = [];
    private readonly HashSet<string> _returns = new(StringComparer.Ordinal);
    private bool _clearsAreProbed;

    public void Probe(ObservedThread thread, in ProbeFields probe)
    {
        var function = Function(probe.Function);
        if (probe.IsReturn)
        {
            function.Returns = true;
            Return(thread, function, probe);
            if (function.Function != KvmFunction.None)
                thread.Chain = scribe.Chains.Outside(thread.Chain, function.Function);
            return;
        }

        Enter(thread, function, probe);
        if (function.Returns && function.Function != KvmFunction.None)
            thread.Chain = scribe.Chains.Child(thread.Chain, function.Function);
    }

    /// <summary>Functions that probes stand on, known before the trace is read.</summary>
    public void Expect(TraceOutlook outlook)
    {
        _returns.UnionWith(outlook.ProbedReturns);
        _clearsAreProbed |= outlook.ProbedEntries.Contains("mmu_spte_clear_track_bits");
    }

    private ProbedFunction Function(TracepointName name)
    {
        while (_functions.Count <= name.Id)
            _functions.Add(null);
        if (_functions[name.Id] is { } known)
            return known;
        var function = ProbedFunction.Of(name.Text);
        function.Returns = _returns.Contains(name.Text);
        _functions[name.Id] = function;
        return function;
    }

    private void Enter(ObservedThread thread, ProbedFunction function, in ProbeFields probe)
    {
        // Whatever is not the zapping of what a linked entry held comes after the link.
        if (thread.LinkEntry != 0 && function.Action is not (ProbeAction.ZapPte or ProbeAction.ClearTrackBits or ProbeAction.PteListRemove
            or ProbeAction.PteListAdd or ProbeAction.PrepareZapPage or ProbeAction.NonleafSpte or ProbeAction.None))
            entries.EndLink(thread);
        switch (function.Action)
        {
            case ProbeAction.MmuPageFault:
                if (probe.TryGet("addr"u8, out var address) && probe.TryGet("err"u8, out var error))
                    exits.Misconfiguration(thread, address, error);
                break;
            case ProbeAction.Handler when function.Function != KvmFunction.DirectPageFault:
                ExitFollower.Handler(thread, function.Function);
                break;
            case ProbeAction.InitTdpPage:
                if (probe.TryGet("sp"u8, out _) && probe.TryGet("spt"u8, out var tdpTable) && probe.TryGet("role"u8, out var tdpRole))
                    thread.TdpPage = (tdpTable, (uint)tdpRole);
                break;
            case ProbeAction.PrepareZapPage:
                entries.Tell(thread);
                thread.ZapPage = probe.TryGet("spt"u8, out var zapped) ? pages.OfPfn(pages.PfnOf(zapped)) : null;
                break;
            case ProbeAction.LoadRoot:
                if (probe.TryGet("root"u8, out var loaded))
                    Load(thread, loaded, probe.TryGet("level"u8, out var level) ? (int)(level & 7) : 0);
                break;
            case ProbeAction.FreeRoot:
                if (probe.TryGet("root"u8, out var freed))
                    pageFollower.Root(thread, RootOperation.Free, freed, 0, Unseen.Word);
                break;
            case ProbeAction.Invlpg:
                if (probe.TryGet("gva"u8, out var gva))
                    ExitFollower.Address(thread, gva);
                break;
            case >= ProbeAction.FlushRemote:
                Flush(thread, function, probe);
                break;
            default:
                EnterEntry(thread, function, probe);
                break;
        }
    }

    private void EnterEntry(ObservedThread thread, ProbedFunction function, in ProbeFields probe)
    {
        if (!probe.TryGet("sptep"u8, out var sptep) && !probe.TryGet("spte"u8, out sptep))
            return;
        var hasOld = probe.TryGet("old"u8, out var old);
        switch (function.Action)
        {
            case ProbeAction.SetSpte:
                entries.Tell(thread);
                thread.SetEntry = sptep;
                thread.SetGfn = probe.TryGet("gfn"u8, out var gfn) ? gfn : Unseen.Word;
                break;
            case ProbeAction.SpteUpdate when probe.TryGet("new"u8, out var value):
                entries.Update(thread, sptep, hasOld ? old : Unseen.Word, value);
                break;
            case ProbeAction.ClearTrackBits:
                _clearsAreProbed = true;
                if (!hasOld || old != 0)
                    entries.Clear(thread, sptep, hasOld ? old : null, KvmFunction.MmuSpteClearTrackBits);
                break;
            case ProbeAction.ZapPte when hasOld && old != 0 && old != host.Kernel.EmptySpte && !(_clearsAreProbed && IsLeaf(sptep, old)):
                entries.Clear(thread, sptep, old, KvmFunction.MmuPageZapPte);
                break;
            case ProbeAction.PteListRemove:
                entries.Clear(thread, sptep, null, KvmFunction.DropParentPte);
                break;
            case ProbeAction.PteListAdd when thread.LinkEntry == sptep:
                entries.EndLink(thread);
                break;
            case ProbeAction.LinkShadowPage when probe.TryGet("spt"u8, out var table):
                probe.TryGet("role"u8, out var role);
                entries.BeginLink(thread, sptep, table, probe.TryGet("gfn"u8, out var linked) ? linked : Unseen.Word, (uint)role);
                break;
            default:
                break;
        }
    }

    private void Return(ObservedThread thread, ProbedFunction function, in ProbeFields probe)
    {
        switch (function.Action)
        {
            case ProbeAction.Handler:
                if (probe.TryGet("ret"u8, out var outcome) && host.Kernel.Outcome(outcome) is { } known)
                    ExitFollower.Outcome(thread, known);
                break;
            case ProbeAction.GetShadowPage:
                if (probe.TryGet("sp"u8, out _) && probe.TryGet("spt"u8, out var table) && probe.TryGet("gfn"u8, out var gfn) && probe.TryGet("role"u8, out var role))
                    pageFollower.Identify(thread, table, gfn, (uint)role);
                break;
            case ProbeAction.AllocateRoot:
                if (probe.TryGet("root"u8, out var root))
                    pageFollower.Root(thread, RootOperation.Allocate, root, 0, Unseen.Word);
                break;
            default:
                break;
        }
    }

    private void Load(ObservedThread thread, ulong root, int level)
    {
        // With EPT the register is the EPTP, whose other bits no line shows.
        pageFollower.Root(thread, RootOperation.Load, root, level, host.Paging == ObservedPaging.Ept ? Unseen.Word : root);
    }

    private void Flush(ObservedThread thread, ProbedFunction function, in ProbeFields probe)
    {
        var kind = FlushKind.Remote + (function.Action - ProbeAction.FlushRemote);
        var start = 0UL;
        var count = 0UL;
        if (kind == FlushKind.RemoteRange)
        {
            probe.TryGet("start"u8, out start);
            probe.TryGet("pages"u8, out count);
        }
        else if (kind == FlushKind.Gva)
        {
            probe.TryGet("gva"u8, out start);
        }

        var seq = scribe.NextSeq();
        thread.FaultEnd = seq;
        var chain = function.Function == KvmFunction.None ? thread.Chain : scribe.Chains.Child(thread.Chain, function.Function);
        scribe.Flush(new TlbFlushRecord
        {
            Seq = seq,
            Ordinal = scribe.Ordinal,
            Start = start,
            Pages = count,
            FaultId = thread.FaultId,
            ExitId = thread.Exit.ExitId,
            ChainId = scribe.Chains.Told(chain),
            Function = function.Function,
            Kind = kind,
            Vcpu = thread.Vcpu,
            Context = thread.Running,
        });
    }

    private bool IsLeaf(ulong sptep, ulong value)
    {
        var level = pages.OfPfn(pages.PfnOf(sptep))?.Level ?? 1;
        return host.Entries.Classify(value, level) is EntryKind.Page or EntryKind.Huge;
    }
}
