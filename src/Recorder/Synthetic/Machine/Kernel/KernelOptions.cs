namespace Replay.Recorder.Synthetic.Machine;

/// <summary>How the synthetic kernel sets up its machine.</summary>
public sealed record KernelOptions
{
    public SyntheticPaging Paging { get; init; } = SyntheticPaging.FourLevel;

    /// <summary>32-bit paging with CR4.PSE: the kernel maps itself with 4 MiB pages. The other modes always have large pages.</summary>
    public bool PageSizeExtension { get; init; } = true;

    /// <summary>CR4.PCIDE (long modes only): switches between spaces keep translations.</summary>
    public bool Pcid { get; init; }

    /// <summary>CR4.SMEP and CR4.SMAP (not in 32-bit paging).</summary>
    public bool Smap { get; init; } = true;

    /// <summary>CR4.PKE (long modes only).</summary>
    public bool ProtectionKeys { get; init; }

    /// <summary>CR4.PGE: the kernel's own mappings are global.</summary>
    public bool GlobalPages { get; init; } = true;

    /// <summary>The kernel edits page tables through an entry of the root that points at the root (not under PAE).</summary>
    public bool SelfMap { get; init; }

    /// <summary>Reads of untouched anonymous memory map one shared page of zeroes; a later write copies it.</summary>
    public bool ZeroPage { get; init; } = true;
}

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
