namespace Replay.Trace.Tracepoints;

/// <summary>What the events of a table page say of it.</summary>
/// <param name="Generation">mmu_valid_gen; 0 in kernels without it.</param>
/// <param name="Gfn">First guest frame that it translates, or the guest table that it shadows.</param>
/// <param name="Role">The role word, as far as <paramref name="RoleMask"/> goes, in the layout of Linux 6.1.</param>
/// <param name="RoleMask">The bits of the role word that the line shows.</param>
/// <param name="RootCount">How many hold it as a root.</param>
/// <param name="Unsync">It is unsync.</param>
/// <param name="Created">kvm_mmu_get_page: made, not found.</param>
public readonly record struct PageFields(int Generation, ulong Gfn, uint Role, uint RoleMask, uint RootCount, bool Unsync, bool Created);

/// <summary>kvm_mmu_pagetable_walk, kvm_mmu_walker_error.</summary>
/// <param name="Address">The address walked; 0 for an error.</param>
/// <param name="ErrorCode">PFERR bits.</param>
public readonly record struct GuestWalkFields(ulong Address, uint ErrorCode);
