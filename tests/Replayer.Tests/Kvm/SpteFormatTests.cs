using Replay.Replayer.Kvm;
using Replay.Replayer.Kvm.Host;
using Replay.Replayer.Kvm.Mmu;

namespace Replay.Replayer.Tests.Kvm;

/// <summary>Entries without accessed bits: the rights stand in for them while nobody has accessed (access tracking), and come back.</summary>
public sealed class SpteFormatTests
{
    private const ulong Readable = 1;
    private const ulong ReadableAndExecutable = 5;
    private const ulong Rwx = 7;
    private const ulong Large = 1 << 7;
    private const ulong Frame = 0x4000_0000;

    private readonly SpteFormat _format = SpteFormats.For(MmuMode.Ept, HostProfiles.IntelBochsNoAd, KvmBehaviour.Linux61);

    private static Spte Entry(ulong bits) => new(Frame | bits | Spte.MmuPresentMask | Spte.TdpAdDisabledMask);

    [Fact]
    public void Rights_go_to_their_saved_place_and_come_back_however_often_the_entry_is_aged()
    {
        var entry = Entry(ReadableAndExecutable);
        Assert.False(_format.IsAccessTrack(entry));
        var aged = _format.MarkForAccessTrack(entry);
        Assert.True(_format.IsAccessTrack(aged));
        Assert.Equal(0UL, aged.Raw & Rwx);
        Assert.Equal(aged, _format.MarkForAccessTrack(aged));
        Assert.Equal(entry, _format.RestoreAccessTrack(aged));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_part_of_a_huge_page_is_executable_again_and_as_much_accessed_as_the_whole_was(bool aged)
    {
        var huge = Entry(Readable | Large);
        var part = _format.MakeHugePageSplit(aged ? _format.MarkForAccessTrack(huge) : huge, default(PageRole).WithLevel(PgLevel.Size4K).WithAccess(PteAccess.All).WithDirect(true), 5, nxHugePages: true);
        Assert.Equal(aged, _format.IsAccessTrack(part));
        var rights = aged ? _format.RestoreAccessTrack(part) : part;
        Assert.Equal(ReadableAndExecutable, rights.Raw & Rwx);
        Assert.False(part.IsLarge);
        Assert.Equal((Frame >> 12) + 5, part.Pfn);
    }

    [Fact]
    public void The_last_page_of_MMIO_is_known_by_its_frame_and_by_its_address_until_memslots_change()
    {
        var cache = new MmioCache();
        cache.Remember(0x7000_1234, 0xfee00, PteAccess.All, 4);
        Assert.True(cache.MatchesGva(0x7000_1fff, 4));
        Assert.False(cache.MatchesGva(0x7000_2000, 4));
        Assert.True(cache.MatchesGpa(0xfee0_0fff, 4));
        Assert.False(cache.MatchesGpa(0xfee0_1000, 4));
        Assert.False(cache.MatchesGpa(0xfee0_0fff, 6));
        cache.Remember(0x7000_5000, 0xfee05, PteAccess.All, 5 | Memslots.UpdateInProgress);
        Assert.True(cache.MatchesGpa(0xfee0_0fff, 4));
    }
}
