using Replay.Replayer.Kvm.Host;
using Replay.Replayer.Kvm.Mmu;
using Replay.Replayer.Kvm.Mmu.Shadow;

namespace Replay.Replayer.Tests.Kvm;

/// <summary>SDM 29.3.3.1: which entries of a hypervisor's extended page tables are misconfigured.</summary>
public sealed class GuestReservedBitTests
{
    private const ulong Frame = 0x1234_5000;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Rights_and_memory_types_of_a_last_entry_are_checked_together(bool executeOnly)
    {
        var bits = GuestReservedBits.OfEpt(default(CpuRole) with { ExecuteOnly = executeOnly }, HostProfiles.Intel);
        for (var type = 0UL; type < 8; type++)
        {
            for (var rights = 0UL; rights < 8; rights++)
            {
                var isBad = type is 2 or 3 or 7 || rights is 2 or 6 || (rights == 4 && !executeOnly);
                Assert.True(isBad == bits.AreSet(Frame | type << 3 | rights, 1), $"type {type}, rights {rights}");
            }
        }
    }

    [Theory]
    [InlineData(1, Frame | 0x37, false)]
    [InlineData(1, Frame | 0x37 | 1UL << 50, true)]
    [InlineData(2, Frame | 7, false)]
    [InlineData(2, Frame | 7 | 1UL << 4, true)]
    [InlineData(2, 0x1220_00b7UL, false)]
    [InlineData(2, 0x1220_10b7UL, true)]
    [InlineData(3, 0x4000_00b7UL, false)]
    [InlineData(3, 0x4020_00b7UL, true)]
    [InlineData(4, Frame | 7, false)]
    [InlineData(4, Frame | 7 | 1UL << 7, true)]
    public void Bits_that_an_entry_of_a_level_must_not_have(int level, ulong entry, bool isBad) =>
        Assert.Equal(isBad, GuestReservedBits.OfEpt(default, HostProfiles.Intel with { GigabytePages = true }).AreSet(entry, level));
}
