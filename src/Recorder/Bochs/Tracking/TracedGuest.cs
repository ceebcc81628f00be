using Replay.Trace;

namespace Replay.Recorder.Bochs;

/// <summary>What the vCPU runs: the guest, or a nested guest of its.</summary>
internal sealed class TracedGuest
{
    public Controls Controls { get; set; }

    public int Cpl { get; set; }

    public ulong Rflags { get; set; }

    public ulong Cr2 { get; set; }

    public (ulong Base, uint Limit) Gdt { get; set; }

    public (ulong Base, uint Limit) Ldt { get; set; }

    public (ulong Base, uint Limit) Tss { get; set; }

    /// <summary>A nested guest runs.</summary>
    public bool IsNested { get; set; }

    /// <summary>Tables that its hypervisor made for it; null where there are none.</summary>
    public OuterTables? Second { get; set; }

    /// <summary>The flags of an access that an instruction makes.</summary>
    public AccessFlags FlagsAt(ulong va)
    {
        const ulong alignmentCheck = 1UL << 18;
        if (Cpl == 3)
            return IsDescriptor(va) ? AccessFlags.Implicit : AccessFlags.User;
        return (Rflags & alignmentCheck) != 0 && (Controls.Cr4 & ControlBits.Cr4Smap) != 0 ? AccessFlags.AlignmentCheck : AccessFlags.None;
    }

    /// <summary>In a descriptor table or the TSS, which the CPU reads with a supervisor's rights.</summary>
    private bool IsDescriptor(ulong va) => IsIn(Gdt, va) || IsIn(Ldt, va) || IsIn(Tss, va);

    private static bool IsIn((ulong Base, uint Limit) table, ulong va) => table.Limit > 0 && va - table.Base <= table.Limit;
}
