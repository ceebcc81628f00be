using Replay.Trace;

namespace Replay.Recorder.Bochs;

/// <summary>
/// What a hypervisor told the CPU of its guest, and what the CPU tells of an exit: fields of a VMCS, which Bochs keeps in the region in memory, or of
/// a VMCB.
/// </summary>
/// <param name="ram">The guest's memory.</param>
/// <param name="gpa">Where the block is.</param>
/// <param name="isVmx">It is a VMCS.</param>
internal readonly struct ControlBlock(GuestRam ram, ulong gpa, bool isVmx)
{
    private const uint VmxExitReason = 0x4402;
    private const uint VmxGuestRip = 0x681e;
    private const uint VmxGuestCr3 = 0x6802;
    private const uint SvmExitCode = 0x070;
    private const uint SvmGuestRip = 0x578;
    private const ulong EntryFailed = 1UL << 31;
    private const ulong ExceptionOrNmi = 0;

    public ulong Gpa { get; } = gpa;

    public bool IsVmx { get; } = isVmx;

    /// <summary>Where the CPU writes why it exits.</summary>
    public ulong ExitReasonAt => Gpa + (IsVmx ? Offset(VmxExitReason) : SvmExitCode);

    /// <summary>Where the CPU reads, late on its way in, with which instruction the guest begins.</summary>
    public ulong GuestRipAt => Gpa + (IsVmx ? Offset(VmxGuestRip) : SvmGuestRip);

    public ulong GuestRip => ram.Read(GuestRipAt, 8);

    /// <summary>The guest's registers, which the CPU leaves here at an exit.</summary>
    public Controls Guest => IsVmx ? new Controls(Vmx(0x6800), Vmx(VmxGuestCr3), Vmx(0x6804), GuestEfer) : new Controls(Svm(0x558), Svm(0x550), Svm(0x548), Svm(0x4d0));

    /// <summary>CR0 and CR4 bits that the guest does not change.</summary>
    public (ulong Cr0, ulong Cr4) Masks => IsVmx ? (Vmx(0x6000), Vmx(0x6002)) : (0, 0);

    private bool HasSecondary => (Vmx(0x4002) & (1UL << 31)) != 0;

    private ulong Secondary => HasSecondary ? Vmx(0x401e) : 0;

    private ulong EntryControls => Vmx(0x4012);

    private ulong GuestEfer => (EntryControls & (1UL << 15)) != 0 ? Vmx(0x2806)
        : (EntryControls & (1UL << 9)) != 0 ? ControlBits.EferLme | ControlBits.EferLma : 0;

    /// <summary>The place is that of the guest's CR3 in some VMCS.</summary>
    public static bool IsVmxCr3(ulong gpa) => (gpa & 0xfff) == Offset(VmxGuestCr3);

    /// <summary>An exit reason that says that no guest was entered.</summary>
    public bool IsFailedEntry(ulong reason) => IsVmx ? (reason & EntryFailed) != 0 : (uint)reason == uint.MaxValue;

    /// <summary>What the entry takes from here.</summary>
    /// <param name="cr2">The register: VMX does not set it.</param>
    /// <param name="cr3Written">The hypervisor wrote the guest's CR3 here since the last exit.</param>
    public NestedEntry ReadEntry(ulong cr2, bool cr3Written) => IsVmx ? ReadVmxEntry(cr2) with { Cr3Written = cr3Written } : ReadSvmEntry();

    /// <summary>What the exit left here.</summary>
    /// <param name="after">The hypervisor's registers as it goes on.</param>
    /// <param name="code">The exit reason.</param>
    public NestedExit ReadExit(Controls after, out ulong code)
    {
        var exit = IsVmx ? ReadVmxExit(out code) : ReadSvmExit(out code);
        return exit with { Cr0 = after.Cr0, Cr3 = after.Cr3, Cr4 = after.Cr4, Efer = after.Efer, Rflags = 2 };
    }

    /// <summary>The registers of the hypervisor behind an exit.</summary>
    /// <param name="before">Those it entered its guest with.</param>
    public Controls Host(Controls before) => IsVmx
        ? new Controls(Vmx(0x6c00), Vmx(0x6c02), Vmx(0x6c04), (Vmx(0x400c) & (1UL << 21)) != 0 ? Vmx(0x2c02) : before.Efer)
        : before;

    /// <summary>Where Bochs has a field: 256 bytes a width and type, 8 bytes a field, behind 16 bytes of its own.</summary>
    internal static uint Offset(uint encoding) => ((((encoding >> 13) & 3) * 4) + ((encoding >> 10) & 3)) * 0x100 + 0x10 + (((encoding >> 1) & 0x1ff) * 8);

    private NestedEntry ReadVmxEntry(ulong cr2)
    {
        var guest = Guest;
        var hasPdptes = (Secondary & 2) != 0 && guest is { HasPaging: true, IsLong: false } && (guest.Cr4 & ControlBits.Cr4Pae) != 0;
        return new NestedEntry
        {
            Vmx = true,
            Pdpte0 = hasPdptes ? Vmx(0x280a) : null,
            Pdpte1 = hasPdptes ? Vmx(0x280c) : null,
            Pdpte2 = hasPdptes ? Vmx(0x280e) : null,
            Pdpte3 = hasPdptes ? Vmx(0x2810) : null,
            NestedControl = (Secondary >> 1) & 1,
            // Where EPT is off, too: KVM looks at its bits all the same.
            NestedCr3 = Vmx(0x201a),
            Asid = (Secondary & (1UL << 5)) != 0 ? (uint)Vmx(0x0000) : 0,
            Cr0 = guest.Cr0,
            Cr2 = cr2,
            Cr3 = guest.Cr3,
            Cr4 = guest.Cr4,
            Efer = guest.Efer,
            Pat = (EntryControls & (1UL << 14)) != 0 ? Vmx(0x2804) : 0,
            Rip = Vmx(0x6808) + GuestRip,
            Rflags = Vmx(0x6820),
            Cpl = (int)((Vmx(0x4818) >> 5) & 3),
            InterceptExceptions = (uint)Vmx(0x4004),
            Intercepts = Vmx(0x4002),
            EventInjection = Vmx(0x4016),
        };
    }

    private NestedEntry ReadSvmEntry()
    {
        var guest = Guest;
        return new NestedEntry
        {
            NestedControl = Svm(0x090),
            NestedCr3 = Svm(0x0b0),
            Asid = (uint)Svm(0x058),
            TlbControl = (byte)Svm(0x05c),
            Cr0 = guest.Cr0,
            Cr2 = Svm(0x640),
            Cr3 = guest.Cr3,
            Cr4 = guest.Cr4,
            Efer = guest.Efer,
            Pat = Svm(0x668),
            Rip = Svm(0x418) + GuestRip,
            Rflags = Svm(0x570),
            Cpl = (byte)Svm(0x4cb) & 3,
            InterceptCr = (uint)Svm(0x000),
            InterceptExceptions = (uint)Svm(0x008),
            Intercepts = Svm(0x00c),
            EventInjection = Svm(0x0a8),
        };
    }

    /// <summary>Of an exception the error code and the address, as an exit under SVM has them.</summary>
    private NestedExit ReadVmxExit(out ulong code)
    {
        code = Vmx(VmxExitReason) & 0xffff;
        return code == ExceptionOrNmi
            ? new NestedExit { Info1 = Vmx(0x4406), Info2 = Vmx(0x6400), InterruptInfo = Vmx(0x4404) }
            : new NestedExit { Info1 = Vmx(0x6400), Info2 = Vmx(0x2400), InterruptInfo = Vmx(0x4408) };
    }

    private NestedExit ReadSvmExit(out ulong code)
    {
        code = Svm(SvmExitCode);
        return new NestedExit { Info1 = Svm(0x078), Info2 = Svm(0x080), InterruptInfo = Svm(0x088) };
    }

    /// <summary>A field of a VMCS, as wide as its encoding says.</summary>
    private ulong Vmx(uint encoding) => ram.Read(Gpa + Offset(encoding), ((encoding >> 13) & 3) switch { 0 => 2, 2 => 4, _ => 8 });

    private ulong Svm(uint offset) => ram.Read(Gpa + offset, 8);
}
