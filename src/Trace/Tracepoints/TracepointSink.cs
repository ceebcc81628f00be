namespace Replay.Trace.Tracepoints;

/// <summary>
/// Takes the events of a trace in the order in which they stand there, each once: by its fields where they are known, otherwise as
/// text.
/// </summary>
public abstract class TracepointSink
{
    public virtual void OnEntry(in TraceLine line, in EntryFields fields) => OnOther(line);

    public virtual void OnExit(in TraceLine line, in ExitFields fields) => OnOther(line);

    public virtual void OnPageFault(in TraceLine line, in PageFaultFields fields) => OnOther(line);

    public virtual void OnInjectedException(in TraceLine line, in InjectedExceptionFields fields) => OnOther(line);

    public virtual void OnControlRegister(in TraceLine line, in ControlRegisterFields fields) => OnOther(line);

    public virtual void OnMsr(in TraceLine line, in MsrFields fields) => OnOther(line);

    public virtual void OnMmio(in TraceLine line, in MmioFields fields) => OnOther(line);

    public virtual void OnNotifierRange(in TraceLine line, in NotifierRangeFields fields) => OnOther(line);

    /// <summary>kvm_mmu_get_page, kvm_mmu_sync_page, kvm_mmu_unsync_page, kvm_mmu_prepare_zap_page: by the name's kind.</summary>
    public virtual void OnPage(in TraceLine line, in PageFields fields) => OnOther(line);

    public virtual void OnSetSpte(in TraceLine line, in SetSpteFields fields) => OnOther(line);

    public virtual void OnSpteChanged(in TraceLine line, in SpteChangedFields fields) => OnOther(line);

    public virtual void OnSpteRequested(in TraceLine line, in SpteRequestedFields fields) => OnOther(line);

    public virtual void OnMarkMmioSpte(in TraceLine line, in MarkMmioSpteFields fields) => OnOther(line);

    public virtual void OnHandleMmioPageFault(in TraceLine line, in HandleMmioPageFaultFields fields) => OnOther(line);

    public virtual void OnCheckMmioSpte(in TraceLine line, in CheckMmioSpteFields fields) => OnOther(line);

    public virtual void OnFastPageFault(in TraceLine line, in FastPageFaultFields fields) => OnOther(line);

    public virtual void OnSplitHugePage(in TraceLine line, in SplitHugePageFields fields) => OnOther(line);

    /// <summary>The start of a guest walk, or its failure: by the name's kind.</summary>
    public virtual void OnGuestWalk(in TraceLine line, in GuestWalkFields fields) => OnOther(line);

    /// <summary>A probe on a function of KVM.</summary>
    public virtual void OnProbe(in TraceLine line, in ProbeFields fields) => OnOther(line);

    /// <summary>An event whose fields are not known.</summary>
    public abstract void OnOther(in TraceLine line);

    /// <summary>An event whose name is known and whose text is not of any form that a kernel is known to print: damaged, or newer.</summary>
    public virtual void OnUnreadable(in TraceLine line) => OnOther(line);

    /// <summary>The tracer lost events.</summary>
    /// <param name="ordinal">The event that follows.</param>
    /// <param name="line">The line that says so.</param>
    /// <param name="cpu">Whose buffer, -1 where it is not said.</param>
    /// <param name="events">How many, -1 where it is not said.</param>
    public virtual void OnLost(long ordinal, long line, int cpu, long events)
    {
    }
}
