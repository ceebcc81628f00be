using Replay.Replayer.History;

namespace Replay.Replayer.Session;

/// <summary>Hands everything on; what derives from it looks at some of it on the way.</summary>
internal abstract class ForwardingHistory(IHistory next) : IHistory
{
    public virtual void OnChain(int chainId, ReadOnlySpan<KvmFunction> functions) => next.OnChain(chainId, functions);

    public virtual void OnExit(in VmExitRecord record) => next.OnExit(record);

    public virtual void OnFault(in FaultRecord record) => next.OnFault(record);

    public virtual void OnWrite(in TableWrite record) => next.OnWrite(record);

    public virtual void OnTablePage(in TablePageRecord record) => next.OnTablePage(record);

    public virtual void OnRoot(in RootRecord record) => next.OnRoot(record);

    public virtual void OnFlush(in TlbFlushRecord record) => next.OnFlush(record);

    public virtual void OnRmap(in RmapRecord record) => next.OnRmap(record);

    public virtual void OnGuestFault(in GuestFaultRecord record) => next.OnGuestFault(record);

    public virtual void OnNote(in ModelNoteRecord record) => next.OnNote(record);

    public virtual void OnFastFault(in FastFaultRecord record) => next.OnFastFault(record);

    public virtual void OnAccess(in AccessRecord record) => next.OnAccess(record);

    public virtual void OnGuestState(in GuestStateRecord record) => next.OnGuestState(record);

    public virtual void OnGuestEntry(in GuestEntryRecord record) => next.OnGuestEntry(record);
}

/// <summary>Hands nothing on while it is muted: what happens then is no part of the history.</summary>
internal sealed class MutableHistory(IHistory next) : IHistory
{
    public bool IsMuted { get; set; }

    public void OnChain(int chainId, ReadOnlySpan<KvmFunction> functions) => next.OnChain(chainId, functions);

    public void OnExit(in VmExitRecord record)
    {
        if (!IsMuted)
            next.OnExit(record);
    }

    public void OnFault(in FaultRecord record)
    {
        if (!IsMuted)
            next.OnFault(record);
    }

    public void OnWrite(in TableWrite record)
    {
        if (!IsMuted)
            next.OnWrite(record);
    }

    public void OnTablePage(in TablePageRecord record)
    {
        if (!IsMuted)
            next.OnTablePage(record);
    }

    public void OnRoot(in RootRecord record)
    {
        if (!IsMuted)
            next.OnRoot(record);
    }

    public void OnFlush(in TlbFlushRecord record)
    {
        if (!IsMuted)
            next.OnFlush(record);
    }

    public void OnRmap(in RmapRecord record)
    {
        if (!IsMuted)
            next.OnRmap(record);
    }

    public void OnGuestFault(in GuestFaultRecord record)
    {
        if (!IsMuted)
            next.OnGuestFault(record);
    }

    public void OnNote(in ModelNoteRecord record)
    {
        if (!IsMuted)
            next.OnNote(record);
    }

    public void OnFastFault(in FastFaultRecord record)
    {
        if (!IsMuted)
            next.OnFastFault(record);
    }

    public void OnAccess(in AccessRecord record)
    {
        if (!IsMuted)
            next.OnAccess(record);
    }

    public void OnGuestState(in GuestStateRecord record) => next.OnGuestState(record);

    public void OnGuestEntry(in GuestEntryRecord record) => next.OnGuestEntry(record);
}
