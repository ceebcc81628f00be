using Replay.Replayer.History;
using Replay.Replayer.Kvm;
using Replay.Replayer.Kvm.Host;
using Replay.Trace;

namespace Replay.Replayer.Session;

/// <summary>
/// Looks at the control registers of a recorded guest for features that KVM offers no guest in this mode: there the guest would have
/// gone another way, which no replay shows. Each bit is noted once, as the register's number and the bits.
/// </summary>
/// <remarks>KVM: CR4_RESERVED_BITS, kvm_set_cpu_caps(), kvm_vcpu_is_legal_gpa() of CR3, efer_reserved_bits.</remarks>
internal sealed class OfferedFeatures(KvmVm vm)
{
    private const int Cr3 = 3;
    private const int Cr4 = 4;

    /// <summary>How the note names EFER.</summary>
    private const int Efer = 8;

    private const ulong Cr4Vmxe = 1 << 13;

    /// <summary>SCE, LME, LMA, NX.</summary>
    private const ulong EferOffered = 0xd01;

    /// <summary>SVME, LMSLE, FFXSR.</summary>
    private const ulong EferOfferedByAmd = 0x7000;

    /// <summary>LAM: linear addresses with data in their upper bits.</summary>
    private const ulong Cr3Lam = 3UL << 61;

    private static readonly (int Register, int Bit, string Name)[] Names =
    [
        (Cr3, 61, "LAM_U57"), (Cr3, 62, "LAM_U48"),
        (Cr4, 11, "UMIP"), (Cr4, 12, "LA57"), (Cr4, 13, "VMXE"), (Cr4, 14, "SMXE"), (Cr4, 21, "SMAP"), (Cr4, 22, "PKE"), (Cr4, 23, "CET"), (Cr4, 24, "PKS"), (Cr4, 25, "UINTR"), (Cr4, 28, "LAM_SUP"), (Cr4, 32, "FRED"),
        (Efer, 12, "SVME"), (Efer, 13, "LMSLE"), (Efer, 14, "FFXSR"), (Efer, 15, "TCE"), (Efer, 17, "MCOMMIT"), (Efer, 18, "INTWB"), (Efer, 20, "UAIE"), (Efer, 21, "AIBRSE"),
    ];

    private readonly ulong[] _noted = new ulong[Efer + 1];

    public void Look(TraceEventKind kind, ulong value)
    {
        switch (kind)
        {
            case TraceEventKind.Cr3Write:
                Note(Cr3, value & Cr3Lam);
                break;
            case TraceEventKind.Cr4Write:
                Note(Cr4, value & ~OfferedInCr4);
                break;
            case TraceEventKind.EferWrite:
                Note(Efer, value & ~(IsAmd ? EferOffered | EferOfferedByAmd : EferOffered));
                break;
            default:
                break;
        }
    }

    public void Look(VcpuState state)
    {
        Look(TraceEventKind.Cr3Write, state.Cr3);
        Look(TraceEventKind.Cr4Write, state.Cr4);
        Look(TraceEventKind.EferWrite, state.Efer);
    }

    /// <summary>What a note of these bits speaks of: <c>CR4.PKS</c>.</summary>
    public static string Describe(int register, ulong bits)
    {
        var prefix = register == Efer ? "EFER" : $"CR{register}";
        var names = Names.Where(name => name.Register == register && (bits >> name.Bit & 1) != 0).Select(name => $"{prefix}.{name.Name}").ToList();
        var known = Names.Where(name => name.Register == register).Aggregate(0UL, (mask, name) => mask | 1UL << name.Bit);
        if ((bits & ~known) != 0)
            names.Add($"{prefix} bits 0x{bits & ~known:x}");
        return string.Join(", ", names);
    }

    /// <summary>Protection keys need tables that the guest's own walk goes through.</summary>
    private ulong OfferedInCr4 => vm.Kernel.OfferedCr4 & ~(vm.TdpEnabled ? 0 : ControlBits.Cr4Pke) & ~(IsAmd ? Cr4Vmxe : 0);

    private bool IsAmd => vm.Profile.Vendor == CpuVendor.Amd;

    private void Note(int register, ulong bits)
    {
        var fresh = bits & ~_noted[register];
        if (fresh == 0)
            return;
        _noted[register] |= fresh;
        vm.Journal.Note(ModelNote.FeatureNotOffered, 0, fresh, (ulong)register);
    }
}
