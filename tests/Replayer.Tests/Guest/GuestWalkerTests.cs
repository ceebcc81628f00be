using Replay.Replayer.Guest;
using Replay.Trace;
using static Replay.Replayer.Tests.Guest.GuestTableBuilder;

namespace Replay.Replayer.Tests.Guest;

public sealed class GuestWalkerTests
{
    private const ulong All = P | W | U;

    [Theory]
    [InlineData(PagingMode.None, 0xdead_beef, 0xdead_beef, 0)]
    [InlineData(PagingMode.Bits32, 0xdead_beef, 0x1_2eef, 2)]
    [InlineData(PagingMode.Pae, 0xdead_beef, 0x1_2eef, 2)]
    [InlineData(PagingMode.Level4, 0xffff_8765_dead_beef, 0x1_2eef, 4)]
    [InlineData(PagingMode.Level5, 0xff12_8765_dead_beef, 0x1_2eef, 5)]
    public void Each_mode_reads_one_entry_a_level(PagingMode mode, ulong gva, ulong gpa, int references)
    {
        var guest = new GuestTableBuilder(mode);
        if (mode != PagingMode.None)
            guest.Map(gva, 0x1_2000 | All);

        var probe = WalkProbe.Run(guest, gva);

        Assert.Equal(WalkStatus.Mapped, probe.Status);
        Assert.Equal(gpa, probe.Address);
        Assert.Equal(references, probe.References);
    }

    [Theory]
    [InlineData(PagingMode.Bits32, 2, 0xc123_4567, 0x0840_0000, 0x0863_4567)]
    [InlineData(PagingMode.Pae, 2, 0xc123_4567, 0x0840_0000, 0x0843_4567)]
    [InlineData(PagingMode.Level4, 2, 0xffff_8000_0123_4567, 0x0840_0000, 0x0843_4567)]
    [InlineData(PagingMode.Level4, 3, 0x1234_5678, 0x40_0000_0000, 0x40_1234_5678)]
    [InlineData(PagingMode.Level5, 3, 0x1234_5678, 0x40_0000_0000, 0x40_1234_5678)]
    public void A_big_page_ends_the_walk_early(PagingMode mode, int level, ulong gva, ulong frame, ulong gpa)
    {
        var guest = new GuestTableBuilder(mode).Map(gva, frame | All | PS, level);

        var probe = WalkProbe.Run(guest, gva);

        Assert.Equal(WalkStatus.Mapped, probe.Status);
        Assert.Equal(gpa, probe.Address);
        Assert.Equal(guest.Levels - level + 1 - (mode == PagingMode.Pae ? 1 : 0), probe.References);
    }

    [Fact]
    public void PSE_36_puts_address_bits_39_to_32_into_bits_20_to_13()
    {
        var guest = new GuestTableBuilder(PagingMode.Bits32).Map(0x0040_1234, 0x0080_0000 | 0xab << 13 | 1 << 12 | All | PS, 2);

        Assert.Equal(0xab_0080_1234UL, WalkProbe.Run(guest, 0x0040_1234).Address);
        Assert.Equal(
            PageFaultCode.Present | PageFaultCode.Reserved,
            WalkProbe.Run(guest, 0x0040_1234, rules: guest.Rules(physicalAddressBits: 36)).Code);
    }

    [Fact]
    public void Without_CR4_PSE_the_PS_bit_of_a_32_bit_PDE_is_ignored()
    {
        var guest = new GuestTableBuilder(PagingMode.Bits32).Map(0x0040_1234, 0x5000 | All);
        guest.Registers.Cr4 = 0;
        guest.Memory.Store(guest.EntryAddress(0x0040_1234, 2), guest.Entry(0x0040_1234, 2) | PS, 4);

        Assert.Equal(0x5234UL, WalkProbe.Run(guest, 0x0040_1234).Address);
    }

    [Theory]
    [InlineData(PagingMode.Bits32, 2, 1UL << 21 | PS)]
    [InlineData(PagingMode.Pae, 1, 1UL << 40)]
    [InlineData(PagingMode.Pae, 1, 1UL << 52)]
    [InlineData(PagingMode.Pae, 1, 1UL << 62)]
    [InlineData(PagingMode.Pae, 2, 1UL << 52)]
    [InlineData(PagingMode.Pae, 2, 1UL << 13 | PS)]
    [InlineData(PagingMode.Level4, 1, 1UL << 40)]
    [InlineData(PagingMode.Level4, 1, 1UL << 51)]
    [InlineData(PagingMode.Level4, 2, 1UL << 40)]
    [InlineData(PagingMode.Level4, 2, 1UL << 13 | PS)]
    [InlineData(PagingMode.Level4, 2, 1UL << 20 | PS)]
    [InlineData(PagingMode.Level4, 3, 1UL << 13 | PS)]
    [InlineData(PagingMode.Level4, 3, 1UL << 29 | PS)]
    [InlineData(PagingMode.Level4, 4, PS)]
    [InlineData(PagingMode.Level5, 5, PS)]
    [InlineData(PagingMode.Level5, 4, PS)]
    public void A_reserved_bit_faults(PagingMode mode, int level, ulong bits)
    {
        const ulong gva = 0x4020_1000;
        var guest = new GuestTableBuilder(mode).Map(gva, 0x4000_0000 | All);
        var entry = level == 1 ? 0x4000_0000 | All : All;
        guest.Memory.Store(guest.EntryAddress(gva, level), entry | bits, mode == PagingMode.Bits32 ? 4 : 8);

        Assert.Equal(
            PageFaultCode.Present | PageFaultCode.Reserved | PageFaultCode.Write,
            WalkProbe.Run(guest, gva, AccessKind.Write).Code);
        Assert.Equal(
            PageFaultCode.Reserved,
            WalkProbe.Run(guest, gva, rules: guest.Rules() with { ReservedFaultLacksPresent = true }).Code);
    }

    [Theory]
    [InlineData(PagingMode.Level4, 1, 1UL << 52)]
    [InlineData(PagingMode.Level4, 1, 1UL << 58)]
    [InlineData(PagingMode.Level4, 1, 15UL << 59)]
    [InlineData(PagingMode.Level4, 1, 0xe00UL)]
    [InlineData(PagingMode.Level4, 1, 1UL << 39)]
    [InlineData(PagingMode.Level4, 2, 1UL << 12 | PS)]
    [InlineData(PagingMode.Level4, 1, PS)]
    [InlineData(PagingMode.Bits32, 2, 0xffUL << 13 | PS)]
    [InlineData(PagingMode.Pae, 1, 1UL << 39)]
    public void A_bit_that_is_ignored_does_not_fault(PagingMode mode, int level, ulong bits)
    {
        const ulong gva = 0x4020_1000;
        var guest = new GuestTableBuilder(mode).Map(gva, 0x4000_0000 | All | bits, level);

        Assert.Equal(WalkStatus.Mapped, WalkProbe.Run(guest, gva).Status);
    }

    [Theory]
    [InlineData(PagingMode.Bits32)]
    [InlineData(PagingMode.Pae)]
    [InlineData(PagingMode.Level4)]
    [InlineData(PagingMode.Level5)]
    public void A_hole_at_any_level_faults_without_P_and_ends_the_walk(PagingMode mode)
    {
        const ulong gva = 0x4020_1000;
        for (var level = 1; level <= new GuestTableBuilder(mode).Levels; level++)
        {
            var guest = new GuestTableBuilder(mode).Map(gva, 0x4000 | All);
            guest.Memory.Store(guest.EntryAddress(gva, level), ~P & 0x7fff_ffff, mode == PagingMode.Bits32 ? 4 : 8);
            guest.LoadPdptes();

            var probe = WalkProbe.Run(guest, gva, AccessKind.Write, AccessFlags.User);

            Assert.Equal(PageFaultCode.Write | PageFaultCode.User, probe.Code);
            Assert.Equal(guest.Levels - level + (mode == PagingMode.Pae ? 0 : 1), probe.References);
        }
    }

    [Fact]
    public void A_read_sets_A_at_each_level_and_a_write_also_D_at_the_leaf()
    {
        const ulong gva = 0x1234_5000;
        var guest = new GuestTableBuilder(PagingMode.Level4).Map(gva, 0x7000 | All);

        WalkProbe.Run(guest, gva);

        Assert.Equal(0x7000 | All | A, guest.Entry(gva));
        for (var level = 2; level <= 4; level++)
            Assert.Equal(A, guest.Entry(gva, level) & (A | D));

        WalkProbe.Run(guest, gva, AccessKind.Write);

        Assert.Equal(0x7000 | All | A | D, guest.Entry(gva));
        for (var level = 2; level <= 4; level++)
            Assert.Equal(A, guest.Entry(gva, level) & (A | D));
    }

    [Fact]
    public void A_second_walk_of_the_same_kind_sets_nothing()
    {
        const ulong gva = 0x1234_5000;
        foreach (var kind in Enum.GetValues<AccessKind>())
        {
            var guest = new GuestTableBuilder(PagingMode.Level4).Map(gva, 0x7000 | All);
            WalkProbe.Run(guest, gva, kind);

            Assert.Equal(4, WalkProbe.Run(guest, gva, kind).Steps.Count);
        }
    }

    [Fact]
    public void A_forbidden_access_leaves_the_leaf_as_it_is_but_has_used_the_levels_above()
    {
        const ulong gva = 0x1234_5000;
        var guest = new GuestTableBuilder(PagingMode.Level4).Map(gva, 0x7000 | P);

        Assert.Equal(WalkStatus.Fault, WalkProbe.Run(guest, gva, AccessKind.Write).Status);

        Assert.Equal(0x7000 | P, guest.Entry(gva));
        for (var level = 2; level <= 4; level++)
            Assert.Equal(A, guest.Entry(gva, level) & A);
    }

    [Fact]
    public void The_leaf_of_a_big_page_gets_D_and_the_table_entry_above_does_not()
    {
        const ulong gva = 0x1234_5000;
        var guest = new GuestTableBuilder(PagingMode.Pae).Map(gva, 0x40_0000 | All | PS, 2);

        WalkProbe.Run(guest, gva, AccessKind.Write);

        Assert.Equal(0x40_0000 | All | PS | A | D, guest.Entry(gva, 2));
        Assert.Equal(P, guest.Entry(gva, 3) & 0xfff);
    }

    [Theory]
    [InlineData(PagingMode.Level4, 0x0000_8000_0000_0000, false)]
    [InlineData(PagingMode.Level4, 0x0000_7fff_ffff_ffff, true)]
    [InlineData(PagingMode.Level4, 0xffff_8000_0000_0000, true)]
    [InlineData(PagingMode.Level4, 0xffff_7fff_ffff_ffff, false)]
    [InlineData(PagingMode.Level5, 0x0000_8000_0000_0000, true)]
    [InlineData(PagingMode.Level5, 0x0100_0000_0000_0000, false)]
    [InlineData(PagingMode.Level5, 0xff00_0000_0000_0000, true)]
    public void An_address_that_is_not_canonical_is_no_page_fault(PagingMode mode, ulong gva, bool canonical)
    {
        var probe = WalkProbe.Run(new GuestTableBuilder(mode), gva);

        Assert.Equal(canonical ? WalkStatus.Fault : WalkStatus.NotCanonical, probe.Status);
        Assert.Equal(canonical ? 1 : 0, probe.References);
    }

    [Theory]
    [InlineData(PagingMode.None)]
    [InlineData(PagingMode.Bits32)]
    [InlineData(PagingMode.Pae)]
    public void Outside_of_long_mode_addresses_have_32_bits(PagingMode mode)
    {
        var guest = new GuestTableBuilder(mode);
        if (mode != PagingMode.None)
            guest.Map(0xffff_f000, 0xffff_f000 | All);

        Assert.Equal(0xffff_fff0UL, WalkProbe.Run(guest, 0xffff_ffff_ffff_fff0).Address);
    }

    [Fact]
    public void PAE_uses_the_PDPTE_registers_whatever_memory_says_until_they_are_loaded_again()
    {
        const ulong gva = 0x4000_1000;
        var guest = new GuestTableBuilder(PagingMode.Pae).Map(gva, 0x7000 | All);
        guest.Memory.Store(guest.EntryAddress(gva, 3), 0, 8);

        Assert.Equal(0x7000UL, WalkProbe.Run(guest, gva).Address);
        Assert.Equal(WalkStatus.Fault, WalkProbe.Run(guest, gva, rules: guest.Rules() with { PdptesInMemory = true }).Status);

        guest.LoadPdptes();
        Assert.Equal(WalkStatus.Fault, WalkProbe.Run(guest, gva).Status);
    }

    [Fact]
    public void A_PDPTE_in_memory_gets_its_accessed_bit_on_some_CPUs_only()
    {
        const ulong gva = 0x4000_1000;
        var guest = new GuestTableBuilder(PagingMode.Pae).Map(gva, 0x7000 | All);
        var rules = guest.Rules() with { PdptesInMemory = true };

        Assert.Equal(3, WalkProbe.Run(guest, gva, rules: rules).References);
        Assert.Equal(0UL, guest.Entry(gva, 3) & A);

        WalkProbe.Run(guest, gva, rules: rules with { SetsAccessedInPdpte = true });
        Assert.Equal(A, guest.Entry(gva, 3) & A);
    }

    [Fact]
    public void A_table_whose_content_is_unknown_stops_the_walk()
    {
        var guest = new GuestTableBuilder(PagingMode.Level4);
        guest.Memory.Store(guest.Root, 0x7777_7000 | All, 8);

        Assert.Equal(WalkStatus.Unreachable, WalkProbe.Run(guest, 0x1000).Status);
    }
}
