using Replay.Replayer.Guest;
using Replay.Replayer.History;
using Replay.Replayer.Kvm;
using Replay.Replayer.Kvm.Host;
using Replay.Trace;

namespace Replay.Replayer.Hardware;

/// <summary>
/// The guest's instructions that change how addresses are translated. Where KVM intercepts, it exits and KVM sets the registers;
/// otherwise the CPU does.
/// </summary>
public sealed class SystemInstructions
{
    private const ulong AmdMovCrDecoded = 1UL << 63;

    private readonly CpuSetup _setup;
    private readonly AccessPath _path;
    private readonly GuestTlb _tlb;
    private readonly ControlRegisters _registers;
    private readonly IHypervisor _hypervisor;

    internal SystemInstructions(CpuSetup setup, AccessPath path, GuestTlb tlb)
    {
        _tlb = tlb;
        _setup = setup;
        _path = path;
        _registers = setup.Registers;
        _hypervisor = setup.Hypervisor;
    }

    /// <summary>MOV to CR0, CLTS, LMSW.</summary>
    public void WriteCr0(ulong value)
    {
        if (((_registers.Cr0 ^ value) & (ControlBits.Cr0Pg | ControlBits.Cr0Wp)) != 0)
            _tlb.Flush();
        Begin();
        if (ChangeExits(_registers.Cr0, value, _hypervisor.Cr0InterceptMask))
        {
            Exit(ExitReason.Cr0Write, MovToCr(0), value);
            return;
        }

        const ulong reloads = ControlBits.Cr0Pg | ControlBits.Cr0Cd | ControlBits.Cr0Nw;
        var changed = _registers.Cr0 ^ value;
        _registers.Cr0 = value;
        var longMode = _registers.PagingEnabled && (_registers.Efer & ControlBits.EferLme) != 0;
        _registers.Efer = longMode ? _registers.Efer | ControlBits.EferLma : _registers.Efer & ~ControlBits.EferLma;
        if ((changed & reloads) != 0)
            LoadPdptes();
    }

    /// <summary>MOV to CR3. Bit 63, the wish to keep translations, is not part of the register.</summary>
    public void WriteCr3(ulong value)
    {
        if ((value & ControlBits.Cr3NoFlush) == 0)
            _tlb.Flush();
        Begin();
        if (Has(Intercepts.Cr3Write))
        {
            Exit(ExitReason.Cr3Write, MovToCr(3), value);
            return;
        }

        _registers.Cr3 = value & ~ControlBits.Cr3NoFlush;
        LoadPdptes();
    }

    /// <summary>MOV to CR4.</summary>
    public void WriteCr4(ulong value)
    {
        _tlb.Flush();
        Begin();
        if (ChangeExits(_registers.Cr4, value, _hypervisor.Cr4InterceptMask))
        {
            Exit(ExitReason.Cr4Write, MovToCr(4), value);
            return;
        }

        const ulong reloads = ControlBits.Cr4Pae | ControlBits.Cr4Pge | ControlBits.Cr4Pse | ControlBits.Cr4Smep;
        var changed = _registers.Cr4 ^ value;
        _registers.Cr4 = value;
        if ((changed & reloads) != 0)
            LoadPdptes();
    }

    /// <summary>WRMSR to EFER.</summary>
    public void WriteEfer(ulong value)
    {
        Begin();
        if (Has(Intercepts.EferWrite))
            Exit(ExitReason.EferWrite, 0, value);
        else
            _registers.Efer = (value & ~ControlBits.EferLma) | (_registers.Efer & ControlBits.EferLma);
    }

    /// <summary>WRPKRU: never exits.</summary>
    public void WritePkru(uint value) => _registers.Pkru = value;

    public void Invlpg(ulong gva)
    {
        _tlb.Flush(gva);
        Begin();
        if (!Has(Intercepts.Invlpg))
        {
            _path.ForgetPage(gva);
            return;
        }

        var told = _setup.Profile.Vendor == CpuVendor.Intel || _setup.Profile.DecodeAssists;
        Exit(ExitReason.Invlpg, told ? gva : 0, gva, gva);
    }

    /// <summary>INVLPGA, which a hypervisor executes.</summary>
    public void Invlpga(ulong gva)
    {
        _tlb.Flush(gva);
        Begin();
        Exit(ExitReason.Invlpga, 0, gva, gva);
    }

    /// <summary>INVEPT, which a hypervisor executes.</summary>
    /// <param name="type">1 one EPTP, 2 all.</param>
    /// <param name="eptp">Of the descriptor.</param>
    public void Invept(ulong type, ulong eptp)
    {
        _tlb.Flush();
        Begin();
        Exit(ExitReason.Invept, type, eptp);
    }

    /// <summary>INVVPID, which a hypervisor executes.</summary>
    /// <param name="type">0 address, 1 one VPID, 2 all, 3 one without global pages.</param>
    public void Invvpid(ulong type)
    {
        _tlb.Flush();
        Begin();
        Exit(ExitReason.Invvpid, type, 0);
    }

    /// <param name="type">0 address, 1 context, 2 all with global pages, 3 all without.</param>
    /// <param name="pcid">Of the descriptor.</param>
    /// <param name="gva">Of the descriptor.</param>
    public void Invpcid(ulong type, ulong pcid, ulong gva)
    {
        if (type == 0)
            _tlb.Flush(gva);
        else
            _tlb.Flush();
        Begin();
        if (Has(Intercepts.Invpcid))
            Exit(ExitReason.Invpcid, type, pcid, gva);
    }

    /// <summary>These instructions run at CPL 0, and have been fetched when they do.</summary>
    private void Begin()
    {
        _path.EnterGuest();
        _path.FetchInstructionOf(new CpuAccess { Gva = 0, Kind = AccessKind.Read });
    }

    private static bool ChangeExits(ulong old, ulong value, ulong mask) => mask == ulong.MaxValue || ((old ^ value) & mask) != 0;

    private bool Has(Intercepts intercept) => (_hypervisor.Intercepts & intercept) != 0;

    /// <summary>Exit information of MOV to a control register; which general register it came from is not in the capture.</summary>
    private ulong MovToCr(ulong number) => _setup.Profile.Vendor == CpuVendor.Intel ? number
        : _setup.Profile.DecodeAssists ? AmdMovCrDecoded
        : 0;

    private void LoadPdptes()
    {
        var outcome = _path.LoadPdptes(out var translation);
        if (outcome == AccessOutcome.UnknownTable)
            _setup.Journal.Note(ModelNote.UnknownTableContent, 0, _registers.Cr3, translation.Gpa);
    }

    private void Exit(ExitReason reason, ulong info1, ulong info2, ulong gva = 0)
    {
        var exit = new VmExit { Reason = reason, Info1 = info1, Info2 = info2, Gva = gva };
        if (_path.Exit(exit) == ExitResult.Shutdown)
            _setup.Journal.Note(ModelNote.TripleFault, gva, info2, 0);
    }
}
