using Replay.Replayer.Hardware;
using Replay.Replayer.History;
using Replay.Replayer.Kvm;
using Replay.Trace;

namespace Replay.Replayer;

/// <summary>What a replay came to.</summary>
public sealed record ReplayResult
{
    /// <summary>Plain accesses replayed; accesses that are events count there.</summary>
    public required long Accesses { get; init; }

    public required long Events { get; init; }

    /// <summary>Ordinal of the first access or event; -1 where there was none.</summary>
    public required long FirstOrdinal { get; init; }

    public required long LastOrdinal { get; init; }

    public required int Exits { get; init; }

    public required IReadOnlyDictionary<ExitReason, long> ExitsByReason { get; init; }

    /// <summary>Page faults that KVM handled.</summary>
    public required int Faults { get; init; }

    public required IReadOnlyDictionary<RetPf, long> FaultsByOutcome { get; init; }

    /// <summary>Page faults that reached the guest.</summary>
    public required long GuestFaults { get; init; }

    /// <summary>Table writes, KVM's and the CPU's.</summary>
    public required int Writes { get; init; }

    /// <summary>The CPU's own are under <see cref="KvmFunction.None"/>.</summary>
    public required IReadOnlyDictionary<KvmFunction, long> WritesByFunction { get; init; }

    public required IReadOnlyDictionary<PageOperation, long> PagesByOperation { get; init; }

    public required IReadOnlyDictionary<FlushKind, long> FlushesByKind { get; init; }

    /// <summary>Accesses that left records in the history.</summary>
    public required long AccessesWithRecords { get; init; }

    /// <summary>Table entries that the walks of <see cref="Walks"/> read, the guest's and KVM's.</summary>
    public required long WalkReferences { get; init; }

    /// <summary>Page walks of the accesses that miss a TLB of fixed size, by stretch of the trace and by entries read.</summary>
    public required IReadOnlyList<WalkCount> Walks { get; init; }

    /// <summary>How often each <see cref="ModelNote"/> occurred, by its number.</summary>
    public required IReadOnlyList<long> NoteCounts { get; init; }

    /// <summary>The first of each <see cref="ModelNote"/>, by its number; meaningless where there was none.</summary>
    public IReadOnlyList<ModelNoteRecord> FirstNotes { get; init; } = [];

    public required VerifyTotals Verify { get; init; }

    /// <summary>What the capture has of nested guests (L2); null: there is none.</summary>
    public NestedFigures? Nested { get; init; }

    /// <summary>What the model made for them.</summary>
    public NestedRecords NestedRecords { get; init; }

    /// <summary>Lines of the host script that never came to be: behind the end of the capture, or at markers that the guest did not make.</summary>
    public int HostActionsLeft { get; init; }

    /// <summary>KVM's own counters.</summary>
    public required KvmStats Stats { get; init; }

    /// <summary>32 hexadecimal digits: see <see cref="History.HistoryHash"/>.</summary>
    public required string HistoryHash { get; init; }
}

/// <summary>Records of a history that are a nested guest's (L2).</summary>
/// <param name="Exits">Exits of L2.</param>
/// <param name="Faults">Faults of L2.</param>
/// <param name="Writes">Writes to tables that translate for L2.</param>
/// <param name="HandedOn">Exits that L1 got.</param>
public readonly record struct NestedRecords(long Exits, long Faults, long Writes, long HandedOn);

/// <summary>Page walks alike in a stretch of the trace.</summary>
/// <param name="FirstOrdinal">Where the stretch begins; it ends where the next begins.</param>
/// <param name="GuestReferences">Entries of the guest's tables that each walk read: the guest's depth, 0 in shadow paging.</param>
/// <param name="KvmReferences">Entries of KVM's tables that each walk read, for the guest's entries and for the page itself.</param>
/// <param name="Walks">How many.</param>
public readonly record struct WalkCount(long FirstOrdinal, int GuestReferences, int KvmReferences, long Walks);
