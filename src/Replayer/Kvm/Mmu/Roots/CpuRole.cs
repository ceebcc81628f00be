using Replay.Replayer.Guest;
using Replay.Trace;

namespace Replay.Replayer.Kvm.Mmu;

/// <summary>How the guest's CPU is set up, as far as paging goes: the base role with level 0 while paging is off, and what no page's role holds.</summary>
/// <remarks>KVM: union kvm_cpu_role.</remarks>
public readonly record struct CpuRole(PageRole Base, bool Valid, bool Cr4Pse, bool Cr4Pke, bool Cr4Smap, bool Cr4Smep, bool Cr4La57, bool EferLma)
{
    /// <summary>Extended page tables may forbid reading and allow execution.</summary>
    public bool ExecuteOnly { get; init; }

    /// <param name="registers">Of the guest that runs.</param>
    /// <param name="isGuestMode">It is a nested one.</param>
    /// <remarks>KVM: kvm_calc_cpu_role().</remarks>
    public static CpuRole Of(ControlRegisters registers, bool isGuestMode = false)
    {
        ArgumentNullException.ThrowIfNull(registers);
        var role = new PageRole(0).WithAccess(PteAccess.All).With(PageRole.GuestModeMask, isGuestMode);
        if (!registers.PagingEnabled)
            return new CpuRole(role.WithDirect(true), Valid: true, false, false, false, false, false, false);
        var pae = (registers.Cr4 & ControlBits.Cr4Pae) != 0;
        var la57 = registers.LongMode && (registers.Cr4 & ControlBits.Cr4La57) != 0;
        var level = registers.LongMode ? (la57 ? PgLevel.Root5 : PgLevel.Root4) : pae ? PgLevel.RootPae : PgLevel.Root32;
        role = role.WithLevel(level)
            .With(PageRole.EferNxMask, registers.Nx)
            .With(PageRole.Cr0WpMask, registers.WriteProtect)
            .With(PageRole.SmepAndNotWpMask, registers.Smep && !registers.WriteProtect)
            .With(PageRole.SmapAndNotWpMask, registers.Smap && !registers.WriteProtect)
            .With(PageRole.Has4ByteGpteMask, !pae);
        return new CpuRole(
            role,
            Valid: true,
            Cr4Pse: (registers.Cr4 & ControlBits.Cr4Pse) != 0,
            Cr4Pke: registers.LongMode && (registers.Cr4 & ControlBits.Cr4Pke) != 0,
            Cr4Smap: registers.Smap,
            Cr4Smep: registers.Smep,
            Cr4La57: la57,
            EferLma: registers.LongMode);
    }

    /// <summary>What no page's role holds, as KVM packs it.</summary>
    /// <remarks>
    /// <code>
    /// 7         6     5     4     3    2    1         0
    /// EFER.LMA  LA57  SMEP  SMAP  PKE  PSE  execonly  valid
    /// </code>
    /// KVM: union kvm_mmu_extended_role.
    /// </remarks>
    public uint ExtendedWord =>
        (Valid ? 1u : 0) | (ExecuteOnly ? 1u << 1 : 0) | (Cr4Pse ? 1u << 2 : 0) | (Cr4Pke ? 1u << 3 : 0) | (Cr4Smap ? 1u << 4 : 0) | (Cr4Smep ? 1u << 5 : 0)
        | (Cr4La57 ? 1u << 6 : 0) | (EferLma ? 1u << 7 : 0);

    /// <summary>Guest paging is on.</summary>
    public bool Cr0Pg => Base.Level > 0;

    public bool Cr4Pae => !Base.Has4ByteGpte;
}
