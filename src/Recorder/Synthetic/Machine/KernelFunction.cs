namespace Replay.Recorder.Synthetic.Machine;

/// <summary>The functions of the synthetic kernel. Each has a page of code of its own, so that the instruction address tells who acts.</summary>
public enum KernelFunction
{
    Start = 1,
    Idle,
    PageFaultEntry,
    InterruptEntry,
    SystemCallEntry,
    HandleFault,
    MapAnonymousPage,
    CopyOnWrite,
    AllocateTable,
    ClearPage,
    CopyPage,
    Map,
    Unmap,
    Protect,
    FreeTables,
    Fork,
    Exit,
    SwitchSpace,
    FlushTlb,
    SplitLargePage,
    CollapsePage,
    Age,
    Driver,
    Edit,
}
