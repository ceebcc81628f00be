namespace Replay.Replayer.Kvm.Mmu;

/// <summary>Shadow pages by gfn. A bucket's newest page comes first, which decides the order in which pages of one gfn are met.</summary>
/// <remarks>KVM: mmu_page_hash, kvm_page_table_hashfn(), for_each_valid_sp().</remarks>
internal sealed class ShadowPageHash
{
    /// <summary>KVM_MMU_HASH_SHIFT.</summary>
    private const int Shift = 12;
    private const ulong GoldenRatio64 = 0x61C8_8646_80B5_83EB;

    private readonly ShadowPage?[] _buckets = new ShadowPage?[1 << Shift];

    /// <summary>Pages that shadow a guest table: while there is none, nobody looks for one.</summary>
    /// <remarks>KVM: indirect_shadow_pages.</remarks>
    public long IndirectCount { get; set; }

    /// <summary>First page of the gfn's bucket; <see cref="ShadowPage.HashNext"/> leads on.</summary>
    public ShadowPage? Bucket(ulong gfn) => _buckets[IndexOf(gfn)];

    public void Add(ShadowPage page)
    {
        ref var head = ref _buckets[IndexOf(page.Gfn)];
        page.HashNext = head;
        head?.HashPrevious = page;
        head = page;
    }

    public void Remove(ShadowPage page)
    {
        if (page.HashPrevious is { } previous)
            previous.HashNext = page.HashNext;
        else
            _buckets[IndexOf(page.Gfn)] = page.HashNext;
        page.HashNext?.HashPrevious = page.HashPrevious;
        page.HashNext = null;
        page.HashPrevious = null;
    }

    private static int IndexOf(ulong gfn) => (int)(gfn * GoldenRatio64 >> (64 - Shift));
}
