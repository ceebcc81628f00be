namespace Replay.Trace.Tracepoints;

/// <summary>kvm_entry.</summary>
/// <param name="Vcpu">The vCPU.</param>
/// <param name="Rip">Guest RIP; null before Linux 5.8.</param>
public readonly record struct EntryFields(int Vcpu, ulong? Rip);

/// <summary>kvm_mmu_set_spte.</summary>
/// <param name="Gfn">First guest frame that the entry translates.</param>
/// <param name="Spte">The entry.</param>
/// <param name="Level">1 to 5.</param>
/// <param name="Sptep">Host-physical address of the entry.</param>
public readonly record struct SetSpteFields(ulong Gfn, ulong Spte, int Level, ulong Sptep);

/// <summary>kvm_tdp_mmu_spte_changed.</summary>
/// <param name="AddressSpace">1: system-management mode.</param>
/// <param name="Gfn">First guest frame that the entry translates.</param>
/// <param name="Level">1 to 5.</param>
/// <param name="Old">Before.</param>
/// <param name="New">After.</param>
public readonly record struct SpteChangedFields(int AddressSpace, ulong Gfn, int Level, ulong Old, ulong New);

/// <summary>kvm_mmu_spte_requested.</summary>
/// <param name="Gfn">The frame to be mapped.</param>
/// <param name="Pfn">What backs it.</param>
/// <param name="Level">The level that KVM wants.</param>
public readonly record struct SpteRequestedFields(ulong Gfn, ulong Pfn, int Level);

/// <summary>kvm_mmu_split_huge_page.</summary>
/// <param name="Gfn">First frame.</param>
/// <param name="Spte">The huge entry.</param>
/// <param name="Level">Its level.</param>
/// <param name="Error">0 or an error number.</param>
public readonly record struct SplitHugePageFields(ulong Gfn, ulong Spte, int Level, int Error);

/// <summary>mark_mmio_spte.</summary>
/// <param name="Sptep">Host-virtual address of the entry; null where the kernel hashed it.</param>
/// <param name="Gfn">The frame.</param>
/// <param name="Access">ACC_* bits.</param>
/// <param name="Generation">Memslot generation; null in old kernels.</param>
public readonly record struct MarkMmioSpteFields(ulong? Sptep, ulong Gfn, uint Access, uint? Generation);

/// <summary>check_mmio_spte.</summary>
/// <param name="Spte">The MMIO entry.</param>
/// <param name="KvmGeneration">The memslots' generation.</param>
/// <param name="SpteGeneration">The entry's.</param>
public readonly record struct CheckMmioSpteFields(ulong Spte, uint KvmGeneration, uint SpteGeneration);
