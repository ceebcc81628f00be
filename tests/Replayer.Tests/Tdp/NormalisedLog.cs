using Replay.Replayer.History;
using Replay.Replayer.Kvm.Host;
using Replay.Replayer.Kvm.Mmu;

namespace Replay.Replayer.Tests.Tdp;

/// <summary>
/// Writes a history down in the words of a normalised kernel trace: tables S1, S2... by creation, frames as the gfn they back, links
/// as <c>-&gt;S2</c>, <c>fl=</c> what remains of the entry.
/// </summary>
internal sealed class NormalisedLog : IHistory
{
    private const ulong FrameMask = 0x0000_ffff_ffff_f000;

    private readonly Dictionary<ulong, int> _tableByFrame = [];
    private readonly Dictionary<int, KvmFunction[]> _chains = [];

    /// <summary>Everything, one line each.</summary>
    public List<string> Lines { get; } = [];

    public List<TableWrite> Writes { get; } = [];

    public List<TablePageRecord> Pages { get; } = [];

    public List<TlbFlushRecord> Flushes { get; } = [];

    /// <summary>Bits that only the CPU sets are left out of entries.</summary>
    public ulong HiddenBits { get; set; }

    /// <summary>A kernel trace names the zero page by one of the many gfns that it backs: only that it is read-only is compared.</summary>
    public bool HideReadOnlyFrames { get; set; }

    /// <summary>The lines since the last call.</summary>
    public List<string> Take()
    {
        var lines = Lines.ToList();
        Lines.Clear();
        return lines;
    }

    public string Chain(int id) => string.Join(" > ", _chains[id].Select(function => function.KernelName()));

    public string Entry(ulong raw)
    {
        if (raw == 0)
            return "0";
        if ((raw & Spte.MmuPresentMask) == 0)
            return (raw & 1) != 0 ? $"nonmmu:{raw:x}" : $"np:{raw:x}";
        var frame = (raw & FrameMask) >> 12;
        var flags = raw & ~FrameMask;
        if ((raw & Spte.PageSizeMask) == 0 && _tableByFrame.TryGetValue(frame, out var table))
            return Leaf($"->S{table}", flags);
        return Leaf(frame == HostMemory.ZeroPagePfn ? "zero" : $"g{frame - HostMemory.FirstPfn:x}", flags);
    }

    /// <summary>An entry that is present: what it points at and its other bits.</summary>
    public string Leaf(string target, ulong flags) =>
        $"{(HideReadOnlyFrames && (flags & Spte.WritableMask) == 0 ? "read-only" : target)} fl={flags & ~HiddenBits:x}";

    public void OnWrite(in TableWrite record)
    {
        Writes.Add(record);
        if (record.Tracepoint == Tracepoint.FastPageFault)
            Lines.Add($"fast S{record.TableId}[{record.Index}] old={Entry(record.Old)} new={Entry(record.New)}");
        else if (record.Actor == Actor.Kvm)
            Lines.Add($"{Word(record.Tracepoint)}gfn={record.Gfn:x} level={record.Level} old={Entry(record.Old)} new={Entry(record.New)}");
    }

    public void OnTablePage(in TablePageRecord record)
    {
        Pages.Add(record);
        switch (record.Operation)
        {
            case PageOperation.Create:
                _tableByFrame[record.Pfn] = record.TableId;
                Lines.Add($"create S{record.TableId} gfn={record.Gfn:x} role={record.Role:x}");
                break;
            case PageOperation.Zap:
                Lines.Add($"zap gfn={record.Gfn:x} l{record.Level} root {record.RootCount}");
                break;
            default:
                break;
        }
    }

    public void OnFlush(in TlbFlushRecord record)
    {
        Flushes.Add(record);
        if (record.Kind is FlushKind.Remote or FlushKind.RemoteRange)
            Lines.Add("flush");
    }

    public void OnChain(int chainId, ReadOnlySpan<KvmFunction> functions) => _chains[chainId] = functions.ToArray();

    public void OnExit(in VmExitRecord record)
    {
    }

    public void OnFault(in FaultRecord record)
    {
    }

    public void OnRoot(in RootRecord record)
    {
    }

    public void OnRmap(in RmapRecord record)
    {
    }

    public void OnGuestFault(in GuestFaultRecord record)
    {
    }

    public void OnNote(in ModelNoteRecord record)
    {
    }

    private static string Word(Tracepoint tracepoint) => tracepoint == Tracepoint.None ? "(untraced) " : "";
}
