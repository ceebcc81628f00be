using Replay.Replayer.Guest;
using Replay.Trace;
using static Replay.Replayer.Tests.Guest.GuestTableBuilder;

namespace Replay.Replayer.Tests.Guest;

/// <summary>Every combination of entry rights, access and CPU switches against a second reading of the SDM.</summary>
public sealed class PermissionTests
{
    private const ulong Gva = 0x40_0000;
    private const ulong Gpa = 0x7000;

    private static readonly AccessFlags[] Privileges =
    [
        AccessFlags.None,
        AccessFlags.AlignmentCheck,
        AccessFlags.User,
        AccessFlags.Implicit,
        AccessFlags.Implicit | AccessFlags.User,
        AccessFlags.Implicit | AccessFlags.AlignmentCheck,
    ];

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Every_combination_faults_exactly_as_the_manual_says(bool rightsInUpperEntry)
    {
        var combinations = 0;
        foreach (var test in Combinations())
        {
            var guest = Build(test, rightsInUpperEntry);
            var probe = WalkProbe.Run(guest, Gva, test.Kind, test.Privilege);
            var expected = Expected(test);
            Assert.True(expected == Actual(probe), $"{test}: expected {expected}, got {Actual(probe)}");
            combinations++;
        }

        Assert.Equal(2 * 2 * 2 * 3 * 6 * 16 * 2 * 4, combinations);
    }

    [Fact]
    public void A_right_must_be_given_by_every_level()
    {
        for (var level = 1; level <= 4; level++)
        {
            foreach (var missing in new[] { W, U })
            {
                var guest = new GuestTableBuilder(PagingMode.Level4);
                guest.Map(Gva, Gpa | P | W | U);
                guest.Memory.Store(guest.EntryAddress(Gva, level), guest.Entry(Gva, level) & ~missing, 8);

                Assert.Equal(
                    PageFaultCode.Present | PageFaultCode.Write | PageFaultCode.User,
                    WalkProbe.Run(guest, Gva, AccessKind.Write, AccessFlags.User).Code);
            }
        }
    }

    [Theory]
    [InlineData(PagingMode.Bits32, false, 0u)]
    [InlineData(PagingMode.Bits32, true, 16u)]
    [InlineData(PagingMode.Pae, false, 16u)]
    [InlineData(PagingMode.Level4, false, 16u)]
    public void The_fetch_bit_is_told_where_NX_or_SMEP_is_on(PagingMode mode, bool smep, uint expected)
    {
        var guest = new GuestTableBuilder(mode).Map(Gva, 0);
        guest.Registers.Efer |= ControlBits.EferNxe;
        if (smep)
            guest.Registers.Cr4 |= ControlBits.Cr4Smep;

        Assert.Equal((PageFaultCode)expected, WalkProbe.Run(guest, Gva, AccessKind.Fetch).Code);
    }

    [Fact]
    public void Protection_keys_mean_nothing_outside_of_long_mode()
    {
        var guest = new GuestTableBuilder(PagingMode.Pae).Map(Gva, Gpa | P | W | U);
        guest.Registers.Cr4 |= ControlBits.Cr4Pke;
        guest.Registers.Pkru = uint.MaxValue;

        Assert.Equal(WalkStatus.Mapped, WalkProbe.Run(guest, Gva, AccessKind.Write, AccessFlags.User).Status);
    }

    [Fact]
    public void The_error_code_names_the_access_again()
    {
        foreach (var code in new[] { 0u, 2u, 4u, 6u, 7u, 16u, 20u })
        {
            var access = GuestAccess.FromFaultCode(Gva, (PageFaultCode)code, AccessFlags.None);

            Assert.Equal((code & 4) != 0, access.IsUser);
            Assert.Equal((code & 2) != 0, access.IsWrite);
            Assert.Equal((code & 16) != 0, access.IsFetch);
        }
    }

    private static IEnumerable<Combination> Combinations()
    {
        for (var bits = 0; bits < 1 << 10; bits++)
        {
            foreach (var kind in Enum.GetValues<AccessKind>())
            {
                foreach (var privilege in Privileges)
                {
                    yield return new Combination(
                        UserPage: (bits & 1) != 0, Writable: (bits & 2) != 0, NxBit: (bits & 4) != 0,
                        Wp: (bits & 8) != 0, Smep: (bits & 16) != 0, Smap: (bits & 32) != 0, Nxe: (bits & 64) != 0,
                        Pke: (bits & 128) != 0, KeyPair: (uint)bits >> 8, kind, privilege);
                }
            }
        }
    }

    private static GuestTableBuilder Build(Combination test, bool rightsInUpperEntry)
    {
        const ulong key = 11UL << 59;
        var rights = P | (test.UserPage ? U : 0) | (test.Writable ? W : 0) | (test.NxBit ? NX : 0);
        var guest = new GuestTableBuilder(PagingMode.Level4);
        guest.Map(Gva, Gpa | key | (rightsInUpperEntry ? P | W | U : rights));
        if (rightsInUpperEntry)
        {
            var pde = guest.EntryAddress(Gva, 2);
            guest.Memory.Store(pde, (guest.Entry(Gva, 2) & ~0xfffUL) | rights, 8);
        }

        var registers = guest.Registers;
        registers.Cr0 = Set(registers.Cr0, ControlBits.Cr0Wp, test.Wp);
        registers.Cr4 = Set(registers.Cr4, ControlBits.Cr4Smep, test.Smep);
        registers.Cr4 = Set(registers.Cr4, ControlBits.Cr4Smap, test.Smap);
        registers.Cr4 = Set(registers.Cr4, ControlBits.Cr4Pke, test.Pke);
        registers.Efer = Set(registers.Efer, ControlBits.EferNxe, test.Nxe);
        registers.Pkru = test.KeyPair << 22;
        return guest;
    }

    private static ulong Set(ulong register, ulong bit, bool on) => on ? register | bit : register & ~bit;

    private static uint? Actual(WalkProbe probe) => probe.Status == WalkStatus.Mapped ? null : (uint)probe.Code;

    /// <summary>The error code, or null where the access is allowed.</summary>
    private static uint? Expected(Combination test)
    {
        var implicitly = test.Privilege.HasFlag(AccessFlags.Implicit);
        var user = test.Privilege.HasFlag(AccessFlags.User) && !implicitly;
        var ac = test.Privilege.HasFlag(AccessFlags.AlignmentCheck) && !implicitly;
        var data = test.Kind != AccessKind.Fetch;
        var told = (test.Kind == AccessKind.Write ? 2u : 0) | (user ? 4u : 0) | (!data && (test.Nxe || test.Smep) ? 16u : 0);
        if (test.NxBit && !test.Nxe)
            return 1 | 8 | told;

        var keyViolated = test.Pke && test.UserPage && data
            && ((test.KeyPair & 1) != 0
                || ((test.KeyPair & 2) != 0 && test.Kind == AccessKind.Write && (user || test.Wp)));
        var allowed = (user, test.Kind) switch
        {
            (true, AccessKind.Read) => test.UserPage,
            (true, AccessKind.Write) => test.UserPage && test.Writable,
            (true, _) => test.UserPage && !test.NxBit,
            (false, AccessKind.Read) => SmapAllows(test, ac),
            (false, AccessKind.Write) => SmapAllows(test, ac) && (test.Writable || !test.Wp),
            _ => !test.NxBit && !(test.Smep && test.UserPage),
        };
        return allowed && !keyViolated ? null : 1 | told | (keyViolated ? 32u : 0);
    }

    private static bool SmapAllows(Combination test, bool ac) => !test.UserPage || !test.Smap || ac;

    private sealed record Combination(
        bool UserPage, bool Writable, bool NxBit, bool Wp, bool Smep, bool Smap, bool Nxe, bool Pke, uint KeyPair, AccessKind Kind, AccessFlags Privilege);
}
