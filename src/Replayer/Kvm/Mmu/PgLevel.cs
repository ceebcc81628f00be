namespace Replay.Replayer.Kvm.Mmu;

/// <summary>The levels of a page-table tree by their names in KVM. <see cref="PageLevels"/> does the arithmetic.</summary>
/// <remarks>KVM: enum pg_level and the PT*_ROOT_LEVEL constants.</remarks>
public static class PgLevel
{
    /// <summary>PG_LEVEL_4K: entries of a PT.</summary>
    public const int Size4K = 1;

    /// <summary>PG_LEVEL_2M: entries of a PD.</summary>
    public const int Size2M = 2;

    /// <summary>PG_LEVEL_1G: entries of a PDPT.</summary>
    public const int Size1G = 3;

    /// <summary>KVM_MAX_HUGEPAGE_LEVEL.</summary>
    public const int MaxHugePage = Size1G;

    /// <summary>PT32_ROOT_LEVEL: the top of 32-bit paging.</summary>
    public const int Root32 = 2;

    /// <summary>PT32E_ROOT_LEVEL: the four PDPTEs of PAE paging.</summary>
    public const int RootPae = 3;

    /// <summary>PT64_ROOT_4LEVEL.</summary>
    public const int Root4 = 4;

    /// <summary>PT64_ROOT_5LEVEL.</summary>
    public const int Root5 = 5;
}
