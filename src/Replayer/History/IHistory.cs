namespace Replay.Replayer.History;

/// <summary>
/// Observes a replay. Calls come in the order of <c>Seq</c>, except faults, which are reported when they end (their <c>Seq</c> is
/// that of their start).
/// </summary>
public interface IHistory
{
    /// <summary>A call chain is used for the first time: functions from the outermost to the one that acts.</summary>
    void OnChain(int chainId, ReadOnlySpan<KvmFunction> functions);

    void OnExit(in VmExitRecord record);

    void OnFault(in FaultRecord record);

    void OnWrite(in TableWrite record);

    void OnTablePage(in TablePageRecord record);

    void OnRoot(in RootRecord record);

    void OnFlush(in TlbFlushRecord record);

    void OnRmap(in RmapRecord record);

    void OnGuestFault(in GuestFaultRecord record);

    void OnNote(in ModelNoteRecord record);

    /// <summary>A fault was tried without the lock: reported when the attempt is over, behind the write that fixed it.</summary>
    void OnFastFault(in FastFaultRecord record)
    {
    }

    /// <summary>A vCPU stands otherwise than before: from the first VMRUN on.</summary>
    void OnGuestState(in GuestStateRecord record)
    {
    }

    /// <summary>What the guest's own tables hold: from the first VMRUN on.</summary>
    void OnGuestEntry(in GuestEntryRecord record)
    {
    }

    /// <summary>The access whose replay is over left records: reported after them, once for its ordinal. It has no <c>Seq</c> of its own.</summary>
    void OnAccess(in AccessRecord record)
    {
    }
}

/// <summary>Takes a history and keeps nothing: for replays of which only the hash, the counts or the time is wanted, and as the base of what looks at a few kinds of records.</summary>
public class SilentHistory : IHistory
{
    public virtual void OnChain(int chainId, ReadOnlySpan<KvmFunction> functions)
    {
    }

    public virtual void OnAccess(in AccessRecord record)
    {
    }

    public virtual void OnExit(in VmExitRecord record)
    {
    }

    public virtual void OnFault(in FaultRecord record)
    {
    }

    public virtual void OnWrite(in TableWrite record)
    {
    }

    public virtual void OnTablePage(in TablePageRecord record)
    {
    }

    public virtual void OnRoot(in RootRecord record)
    {
    }

    public virtual void OnFlush(in TlbFlushRecord record)
    {
    }

    public virtual void OnRmap(in RmapRecord record)
    {
    }

    public virtual void OnGuestFault(in GuestFaultRecord record)
    {
    }

    public virtual void OnNote(in ModelNoteRecord record)
    {
    }
}
