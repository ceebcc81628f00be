using Replay.Replayer.Kvm.Mmu;
using Replay.Replayer.Kvm.Mmu.Shadow;

namespace Replay.Replayer.Tests.Kvm;

/// <summary>Behaviour C5: KVM's own reading of the guest's rights, every combination against the sentences of the SDM.</summary>
public sealed class C05_GuestPermissionTests
{
    private const int Key = 5;

    [Fact]
    public void Every_combination_is_judged_as_the_manual_says()
    {
        for (var bits = 0; bits < 1 << 14; bits++)
        {
            var c = new Combination(bits);
            if (c.IsWrite && c.IsFetch)
                continue;
            var role = new CpuRole(
                new PageRole(0).With(PageRole.EferNxMask, c.Nx).With(PageRole.Cr0WpMask, c.WriteProtect),
                Valid: true, Cr4Pse: false, c.Pke, c.Smap, c.Smep, Cr4La57: false, EferLma: true);
            var access = (c.MayWrite ? PteAccess.Write : 0) | (c.MayFetch ? PteAccess.Exec : 0) | (c.UserPage ? PteAccess.User : 0);
            var code = (c.IsUser ? Pferr.User : 0) | (c.IsWrite ? Pferr.Write : 0) | (c.IsFetch ? Pferr.Fetch : 0);
            var pkru = (c.KeyDeniesAccess ? 1u << (Key * 2) : 0) | (c.KeyDeniesWrite ? 2u << (Key * 2) : 0);

            var actual = GuestPermissions.Fault(role, access, Key, pkru, code, c.OverridesSmap);
            Assert.True(Expected(c) == actual, $"{c}: {actual:x}");
        }
    }

    /// <summary>SDM volume 3, sections 4.6.1 and 4.6.2, sentence by sentence.</summary>
    private static ulong Expected(Combination c)
    {
        var byRights = c switch
        {
            { UserPage: false, IsUser: true } => true,
            { UserPage: true, IsUser: false, IsFetch: true, Smep: true } => true,
            { UserPage: true, IsUser: false, IsFetch: false, Smap: true, OverridesSmap: false } => true,
            { IsFetch: true, Nx: true, MayFetch: false } => true,
            { IsWrite: true, MayWrite: false, IsUser: true } => true,
            { IsWrite: true, MayWrite: false, WriteProtect: true } => true,
            _ => false,
        };
        var byKey = c switch
        {
            { Pke: false } or { UserPage: false } or { IsFetch: true } => false,
            { KeyDeniesAccess: true } => true,
            { KeyDeniesWrite: true, IsWrite: true, IsUser: true } => true,
            { KeyDeniesWrite: true, IsWrite: true, WriteProtect: true } => true,
            _ => false,
        };
        return byKey ? Pferr.Present | Pferr.ProtectionKey : byRights ? Pferr.Present : 0;
    }

    private sealed record Combination(
        bool UserPage, bool MayWrite, bool MayFetch, bool IsUser, bool IsWrite, bool IsFetch, bool Nx, bool WriteProtect, bool Smep, bool Smap,
        bool OverridesSmap, bool Pke, bool KeyDeniesAccess, bool KeyDeniesWrite)
    {
        public Combination(int bits)
            : this(
                Bit(bits, 0), Bit(bits, 1), Bit(bits, 2), Bit(bits, 3), Bit(bits, 4), Bit(bits, 5), Bit(bits, 6), Bit(bits, 7), Bit(bits, 8),
                Bit(bits, 9), Bit(bits, 10), Bit(bits, 11), Bit(bits, 12), Bit(bits, 13))
        {
        }

        private static bool Bit(int bits, int number) => (bits >> number & 1) != 0;
    }
}
