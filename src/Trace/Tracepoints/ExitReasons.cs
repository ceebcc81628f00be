using System.Buffers;
using System.Collections.Frozen;
using System.Globalization;

namespace Replay.Trace.Tracepoints;

/// <summary>Whose exits they are: the numbers of the two are different.</summary>
public enum ExitIsa : byte
{
    Unknown = 0,
    Vmx = 1,
    Svm = 2,
}

/// <summary>A reason of an exit, by the CPU's own number.</summary>
/// <param name="Isa">Which table the number is of.</param>
/// <param name="Number">The basic exit reason (VMX), the exit code (SVM).</param>
public readonly record struct ExitNumber(ExitIsa Isa, uint Number);

/// <summary>
/// The reasons of exits under every name that the kernel (VMX_EXIT_REASONS, SVM_EXIT_REASONS) and libtraceevent's plugin for kvm
/// print, in kernels since 3.0.
/// </summary>
public static class ExitReasons
{
    public const uint VmxException = 0;
    public const uint VmxInvlpg = 14;
    public const uint VmxCrAccess = 28;
    public const uint VmxMsrWrite = 32;
    public const uint VmxEptViolation = 48;
    public const uint VmxEptMisconfig = 49;
    public const uint VmxInvpcid = 58;
    public const uint VmxPmlFull = 62;
    public const uint SvmWriteCr0 = 0x10;
    public const uint SvmWriteCr3 = 0x13;
    public const uint SvmWriteCr4 = 0x14;
    public const uint SvmPageFault = 0x4e;
    public const uint SvmCr0SelectiveWrite = 0x65;
    public const uint SvmInvlpg = 0x79;
    public const uint SvmInvlpga = 0x7a;
    public const uint SvmMsr = 0x7c;
    public const uint SvmVmrun = 0x80;
    public const uint SvmInvpcid = 0xa2;
    public const uint SvmNpf = 0x400;

    private const string Vmx = """
        0 EXCEPTION_NMI,1 EXTERNAL_INTERRUPT,2 TRIPLE_FAULT,3 INIT_SIGNAL,4 SIPI_SIGNAL,6 OTHER_SMI,7 INTERRUPT_WINDOW,7 PENDING_INTERRUPT,8 NMI_WINDOW,9 TASK_SWITCH,
        10 CPUID,12 HLT,13 INVD,14 INVLPG,15 RDPMC,16 RDTSC,18 VMCALL,19 VMCLEAR,20 VMLAUNCH,21 VMPTRLD,22 VMPTRST,23 VMREAD,24 VMRESUME,25 VMWRITE,26 VMOFF,27 VMON,
        28 CR_ACCESS,29 DR_ACCESS,30 IO_INSTRUCTION,31 MSR_READ,32 MSR_WRITE,33 INVALID_STATE,34 MSR_LOAD_FAIL,36 MWAIT_INSTRUCTION,37 MONITOR_TRAP_FLAG,
        39 MONITOR_INSTRUCTION,40 PAUSE_INSTRUCTION,41 MCE_DURING_VMENTRY,43 TPR_BELOW_THRESHOLD,44 APIC_ACCESS,45 EOI_INDUCED,46 GDTR_IDTR,47 LDTR_TR,
        48 EPT_VIOLATION,49 EPT_MISCONFIG,50 INVEPT,51 RDTSCP,52 PREEMPTION_TIMER,53 INVVPID,54 WBINVD,55 XSETBV,56 APIC_WRITE,57 RDRAND,58 INVPCID,59 VMFUNC,
        60 ENCLS,61 RDSEED,62 PML_FULL,63 XSAVES,64 XRSTORS,67 UMWAIT,68 TPAUSE,74 BUS_LOCK,75 NOTIFY
        """;

    /// <summary>Exceptions and what only the kernel names; the plugin's names are <c>EXIT_</c> and the same in capitals, unless said behind the bar.</summary>
    private const string Svm = """
        0 read_cr0,2 read_cr2,3 read_cr3,4 read_cr4,8 read_cr8,10 write_cr0,12 write_cr2,13 write_cr3,14 write_cr4,18 write_cr8,
        20 read_dr0,21 read_dr1,22 read_dr2,23 read_dr3,24 read_dr4,25 read_dr5,26 read_dr6,27 read_dr7,
        30 write_dr0,31 write_dr1,32 write_dr2,33 write_dr3,34 write_dr4,35 write_dr5,36 write_dr6,37 write_dr7,
        40 DE excp|EXCP_DE,41 DB excp|EXCP_DB,43 BP excp|EXCP_BP,44 OF excp|EXCP_OF,45 BR excp|EXCP_BR,46 UD excp|EXCP_UD,47 NM excp|EXCP_NM,48 DF excp|EXCP_DF,
        4a TS excp|EXCP_TS,4b NP excp|EXCP_NP,4c SS excp|EXCP_SS,4d GP excp|EXCP_GP,4e PF excp|EXCP_PF,50 MF excp|EXCP_MF,51 AC excp|EXCP_AC,52 MC excp|EXCP_MC,53 XF excp|EXCP_XF,
        40 excp_base,60 interrupt|INTR,61 nmi,62 smi,63 init,64 vintr,65 cr0_sel_write,66 read_idtr|IDTR_READ,67 read_gdtr|GDTR_READ,68 read_ldtr|LDTR_READ,69 read_rt|TR_READ,
        6a write_idtr|IDTR_WRITE,6b write_gdtr|GDTR_WRITE,6c write_ldtr|LDTR_WRITE,6d write_rt|TR_WRITE,6e rdtsc,6f rdpmc,70 pushf,71 popf,72 cpuid,73 rsm,74 iret,75 swint,
        76 invd,77 pause,78 hlt,79 invlpg,7a invlpga,7b io|IOIO,7c msr,7d task_switch,7e ferr_freeze,7f shutdown,80 vmrun,81 hypercall|VMMCALL,82 vmload,83 vmsave,84 stgi,85 clgi,
        86 skinit,87 rdtscp,88 icebp,89 wbinvd,8a monitor,8b mwait,8c mwait_cond,8d xsetbv,8e rdpru,8f write_efer_trap,90 write_cr0_trap,94 write_cr4_trap,98 write_cr8_trap,
        a2 invpcid,a5 bus_lock,a6 idle_hlt,400 npf,401 avic_incomplete_ipi,402 avic_unaccelerated_access,403 vmgexit,ffffffff invalid_guest_state|ERR
        """;

    private static readonly FrozenDictionary<string, ExitNumber> ByName = Read();

    /// <summary>What FAILED_VMENTRY and its like are written with.</summary>
    private static readonly SearchValues<char> Flag = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZ_");

    /// <summary>The reason as a line names it: a name, with words for its flags behind it, or a number.</summary>
    /// <returns>False: no table has it. Only of a bare number the table is not known.</returns>
    public static bool TryFind(string reason, out ExitNumber code)
    {
        ArgumentNullException.ThrowIfNull(reason);
        if (ByName.TryGetValue(reason, out code))
            return true;
        // Flags of VMX stand behind the name: EPT_VIOLATION FAILED_VMENTRY.
        for (var end = reason.LastIndexOf(' '); end > 0; end = reason.LastIndexOf(' ', end - 1))
        {
            if (ByName.TryGetValue(reason[..end], out code))
                return true;
        }

        return TryNumber(reason, out code);
    }

    /// <summary>It is a whole name of the tables, with nothing but flags of VMX behind it: what a trimmed line may end with.</summary>
    public static bool IsName(string reason)
    {
        ArgumentNullException.ThrowIfNull(reason);
        if (ByName.ContainsKey(reason))
            return true;
        var space = reason.LastIndexOf(' ');
        return space > 0 && !reason.AsSpan(space + 1).ContainsAnyExcept(Flag) && IsName(reason[..space]);
    }

    /// <summary>The kernel's name of a number, or the number.</summary>
    public static string NameOf(ExitNumber code)
    {
        foreach (var (name, known) in ByName)
        {
            if (known == code && !name.StartsWith("EXIT_", StringComparison.Ordinal) && name is not ("PENDING_INTERRUPT" or "excp_base"))
                return name;
        }

        return string.Create(CultureInfo.InvariantCulture, $"0x{code.Number:x}");
    }

    /// <summary>The manual's name of an exit to a hypervisor that is a guest itself; or the code in hexadecimal.</summary>
    public static string NestedName(ulong code, bool isVmx) => isVmx ? NameOf(new ExitNumber(ExitIsa.Vmx, (uint)code & 0xffff)) : SvmName(code);

    /// <summary>The manual's name of an exit code of SVM, such as <c>NPF</c>, <c>PF</c>, <c>VMMCALL</c>; or the code in hexadecimal.</summary>
    public static string SvmName(ulong code)
    {
        foreach (var (name, known) in ByName)
        {
            if (known == new ExitNumber(ExitIsa.Svm, (uint)code) && code <= uint.MaxValue && name.StartsWith("EXIT_", StringComparison.Ordinal) && name != "EXIT_EXCP_BASE")
                return name.Replace("EXIT_", "", StringComparison.Ordinal).Replace("EXCP_", "", StringComparison.Ordinal);
        }

        return string.Create(CultureInfo.InvariantCulture, $"0x{code:x}");
    }

    /// <remarks>The kernel prints 0x30 for what it has no name for, the plugin UNKNOWN (48).</remarks>
    private static bool TryNumber(string reason, out ExitNumber code)
    {
        code = default;
        var isHex = reason.StartsWith("0x", StringComparison.Ordinal);
        var open = reason.IndexOf('(', StringComparison.Ordinal);
        var digits = isHex ? reason.AsSpan(2) : open >= 0 && reason.EndsWith(')') ? reason.AsSpan(open + 1, reason.Length - open - 2) : default;
        if (!uint.TryParse(digits, isHex ? NumberStyles.AllowHexSpecifier : NumberStyles.None, CultureInfo.InvariantCulture, out var number))
            return false;
        code = new ExitNumber(ExitIsa.Unknown, number);
        return true;
    }

    private static FrozenDictionary<string, ExitNumber> Read()
    {
        var names = new Dictionary<string, ExitNumber>(StringComparer.Ordinal);
        foreach (var (number, name) in Words(Vmx))
            names[name] = new ExitNumber(ExitIsa.Vmx, uint.Parse(number, CultureInfo.InvariantCulture));
        foreach (var (number, name) in Words(Svm))
        {
            var code = new ExitNumber(ExitIsa.Svm, uint.Parse(number, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture));
            var bar = name.IndexOf('|', StringComparison.Ordinal);
            names[bar < 0 ? name : name[..bar]] = code;
            names[$"EXIT_{(bar < 0 ? name.ToUpperInvariant() : name[(bar + 1)..])}"] = code;
        }

        return names.ToFrozenDictionary(StringComparer.Ordinal);

        static IEnumerable<(string Number, string Name)> Words(string table) =>
            table.Split([',', '\n', '\r'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
                .Select(entry => (entry[..entry.IndexOf(' ', StringComparison.Ordinal)], entry[(entry.IndexOf(' ', StringComparison.Ordinal) + 1)..]));
    }
}
