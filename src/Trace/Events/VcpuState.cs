namespace Replay.Trace;

/// <summary>What the CPU's registers held where a recording starts: the detail of <see cref="TraceEventKind.VcpuState"/>.</summary>
public sealed record VcpuState
{
    public ulong Cr0 { get; init; }

    public ulong Cr2 { get; init; }

    public ulong Cr3 { get; init; }

    public ulong Cr4 { get; init; }

    public ulong Efer { get; init; }

    public ulong Rip { get; init; }

    public ulong Rflags { get; init; }

    /// <summary>Current privilege level, 0 to 3.</summary>
    public int Cpl { get; init; }

    /// <summary>PKRU, where the CPU has protection keys.</summary>
    public uint? Pkru { get; init; }
}

/// <summary>A memslot as userspace sets it: the detail of <see cref="TraceEventKind.Memslot"/>.</summary>
/// <remarks>KVM: KVM_SET_USER_MEMORY_REGION.</remarks>
public sealed record MemslotChange
{
    public int Slot { get; init; }

    /// <summary>First byte, page aligned.</summary>
    public ulong Gpa { get; init; }

    /// <summary>Bytes, page aligned; 0 deletes the slot.</summary>
    public ulong Size { get; init; }

    /// <summary>Writes reach userspace as MMIO (KVM_MEM_READONLY): ROM.</summary>
    public bool ReadOnly { get; init; }

    /// <summary>KVM_MEM_LOG_DIRTY_PAGES.</summary>
    public bool LogDirty { get; init; }

    /// <summary>Offset of the host-virtual address inside a 1 GiB frame, in bytes: decides which huge pages the slot can have.</summary>
    public ulong HvaOffset { get; init; }

    /// <summary>What the region is called where it was seen, such as <c>pc.ram</c>.</summary>
    public string? Name { get; init; }
}
