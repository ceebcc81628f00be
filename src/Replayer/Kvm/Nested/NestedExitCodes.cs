using Replay.Replayer.Kvm.Host;
using Replay.Trace;

namespace Replay.Replayer.Kvm;

/// <summary>The numbers of the exits that a nested guest's hypervisor gets for page faults.</summary>
/// <param name="PageFault">A #PF of the nested guest: SVM_EXIT_EXCP_BASE + PF_VECTOR; under VMX, of every exception.</param>
/// <param name="TableFault">The hypervisor's own tables do not allow an access: SVM_EXIT_NPF, EXIT_REASON_EPT_VIOLATION.</param>
internal readonly record struct NestedExitCodes(ulong PageFault, ulong TableFault)
{
    /// <summary>EXIT_REASON_EPT_MISCONFIG.</summary>
    public const ulong VmxMisconfiguration = 49;

    private const ulong PageFaultVector = 14;

    public static NestedExitCodes Svm { get; } = new(0x4e, 0x400);

    public static NestedExitCodes Vmx { get; } = new(0, 48);

    private bool IsVmx => TableFault == 48;

    public static NestedExitCodes Of(CpuVendor vendor) => vendor == CpuVendor.Amd ? Svm : Vmx;

    public bool IsTableFault(ulong code) => code == TableFault || (IsVmx && code == VmxMisconfiguration);

    public bool IsPageFault(ulong code, NestedExit exit) => code == PageFault && (!IsVmx || (exit.InterruptInfo & 0xff) == PageFaultVector);

    /// <summary>It came between two instructions: INTR to VINTR; external interrupts and the windows for interrupts and NMIs.</summary>
    public bool IsBetweenInstructions(ulong code) => IsVmx ? code is 1 or 7 or 8 : code is >= 0x60 and <= 0x64;
}
