namespace Replay.Replayer.Kvm.Mmu.Shadow;

/// <summary>Whether a page that the guest writes is still a table: after so many trapped writes without a walk in between it is not taken for one.</summary>
/// <remarks>KVM: detect_write_flooding(), detect_write_misaligned(), shadow_page_table_clear_flood().</remarks>
internal static class WriteFlooding
{
    private const int Threshold = 3;

    /// <summary>Counts a trapped write. Level-1 pages become unsync instead.</summary>
    /// <returns>It was one too many.</returns>
    /// <remarks>KVM: detect_write_flooding().</remarks>
    public static bool Count(ShadowPage page) => page.Role.Level > PgLevel.Size4K && ++page.WriteFloodingCount >= Threshold;

    /// <summary>No entry of a table is written like this.</summary>
    /// <remarks>KVM: detect_write_misaligned().</remarks>
    public static bool IsMisaligned(ShadowPage page, ulong gpa, int bytes)
    {
        var offset = (uint)(gpa & 0xfff);
        var size = page.Role.Has4ByteGpte ? 4u : 8u;
        // Clearing a status bit is a write of one byte at the start of the entry.
        if ((offset & (size - 1)) == 0 && bytes == 1)
            return false;
        return ((offset ^ (offset + (uint)bytes - 1)) & ~(size - 1)) != 0 || bytes < 4;
    }

    /// <summary>A walk to the address: its tables are in use.</summary>
    /// <remarks>KVM: shadow_page_table_clear_flood().</remarks>
    public static void Clear(KvmVcpu vcpu, ulong address)
    {
        for (var walk = ShadowWalk.From(vcpu, address); walk.IsOkay; walk.Next())
            walk.Page.WriteFloodingCount = 0;
    }
}
