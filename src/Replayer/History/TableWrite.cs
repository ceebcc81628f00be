using System.Runtime.InteropServices;

namespace Replay.Replayer.History;

/// <summary>One write to one table entry: the product's central fact.</summary>
/// <remarks>Blittable without padding: its bytes enter the history hash.</remarks>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
public readonly record struct TableWrite
{
    /// <summary>Place in the run's history, shared by all kinds of records, ascending from 1.</summary>
    public long Seq { get; init; }

    /// <summary>The trace event that led to it.</summary>
    public long Ordinal { get; init; }

    /// <summary>First gfn that the entry translates (a gva's page number &lt;&lt; 0 in shadow tables is not used: the shadowed gfn is).</summary>
    public ulong Gfn { get; init; }

    public ulong Old { get; init; }

    public ulong New { get; init; }

    /// <summary>The fault being handled, or -1.</summary>
    public int FaultId { get; init; }

    /// <summary>The exit being handled, or -1.</summary>
    public int ExitId { get; init; }

    /// <summary>Which table page: <see cref="TablePageRecord.TableId"/>.</summary>
    public int TableId { get; init; }

    /// <summary>The function and all that called it, interned: see <see cref="IHistory.OnChain"/>.</summary>
    public int ChainId { get; init; }

    /// <summary>Entry number in the table, 0 to 511.</summary>
    public ushort Index { get; init; }

    /// <summary>Function that made the write.</summary>
    public KvmFunction Function { get; init; }

    /// <summary>Level of the table, 1 (PT) to 5.</summary>
    public byte Level { get; init; }

    public byte Vcpu { get; init; }

    public Actor Actor { get; init; }

    public Tracepoint Tracepoint { get; init; }

    /// <summary>Whose translations the table holds.</summary>
    public GuestContext Context { get; init; }

    /// <summary>Bytes behind those that are hashed.</summary>
    internal const int NotHashed = sizeof(GuestContext);
}

/// <summary>Who wrote a table entry.</summary>
public enum Actor : byte
{
    Kvm = 0,

    /// <summary>The CPU's page walker: accessed and dirty bits.</summary>
    Hardware = 1,
}

/// <summary>The tracepoint line a real 6.1 kernel prints for a table write, if any.</summary>
public enum Tracepoint : byte
{
    None = 0,
    KvmMmuSetSpte = 1,
    KvmTdpMmuSpteChanged = 2,
    MarkMmioSpte = 3,
    FastPageFault = 4,

    /// <summary>Both kvm_tdp_mmu_spte_changed and kvm_mmu_set_spte: a leaf of the TDP MMU.</summary>
    KvmTdpMmuSpteChangedAndSetSpte = 5,

    /// <summary>kvm_tdp_mmu_spte_changed and mark_mmio_spte: an MMIO entry of the TDP MMU.</summary>
    KvmTdpMmuSpteChangedAndMarkMmio = 6,
}
