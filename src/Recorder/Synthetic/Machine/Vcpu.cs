using Replay.Trace;

namespace Replay.Recorder.Synthetic.Machine;

/// <summary>One virtual CPU: its registers, and the page its instructions come from.</summary>
public sealed class Vcpu
{
    public Vcpu(byte index, int cacheEntries)
    {
        Index = index;
        Cache = new TranslationCache(cacheEntries);
    }

    public byte Index { get; }

    public ulong Cr0 { get; internal set; } = ControlBits.Cr0Pe | ControlBits.Cr0Et;

    /// <summary>The address of the last #PF.</summary>
    public ulong Cr2 { get; internal set; }

    /// <summary>Table address and PCID, without the no-flush bit.</summary>
    public ulong Cr3 { get; internal set; }

    public ulong Cr4 { get; internal set; }

    public ulong Efer { get; internal set; }

    public uint Pkru { get; internal set; }

    /// <summary>Current privilege level, 0 to 3.</summary>
    public int Cpl { get; set; }

    /// <summary>EFLAGS.AC: lets a supervisor pass SMAP.</summary>
    public bool AlignmentCheck { get; set; }

    /// <summary>The instruction that makes the accesses.</summary>
    public ulong Rip { get; internal set; }

    public ulong IdtBase { get; internal set; }

    public ulong GdtBase { get; internal set; }

    public ulong TssBase { get; internal set; }

    /// <summary>Stack that the TSS gives for entries to CPL 0.</summary>
    public ulong KernelStack { get; set; }

    public ulong Stack { get; set; }

    /// <summary>Error code of the #PF that made the last access fail.</summary>
    public PageFaultError FaultError { get; internal set; }

    /// <summary>What the access that met the last #PF was to do.</summary>
    public AccessKind FaultKind { get; internal set; }

    public PagingFormat Format { get; private set; } = PagingFormat.Of(SyntheticPaging.Off);

    /// <summary>The PAE PDPTE registers: what the top table held when CR3 (or CR0, CR4) was last loaded.</summary>
    internal ulong[] Pdptes { get; } = new ulong[4];

    internal TranslationCache Cache { get; }

    /// <summary>The page instructions are fetched from; another one makes a fetch access.</summary>
    internal ulong FetchPage { get; set; } = ulong.MaxValue;

    internal AccessFlags Privilege
        => Cpl == 3 ? AccessFlags.User : AlignmentCheck ? AccessFlags.AlignmentCheck : AccessFlags.None;

    /// <summary>Derives the paging mode, and EFER.LMA, from the registers.</summary>
    internal void UpdateMode()
    {
        var paging = (Cr0 & ControlBits.Cr0Pg) != 0;
        var active = paging && (Efer & ControlBits.EferLme) != 0;
        Efer = active ? Efer | ControlBits.EferLma : Efer & ~ControlBits.EferLma;
        Format = PagingFormat.Of(
            !paging ? SyntheticPaging.Off
            : (Cr4 & ControlBits.Cr4Pae) == 0 ? SyntheticPaging.TwoLevel
            : !active ? SyntheticPaging.Pae
            : (Cr4 & ControlBits.Cr4La57) == 0 ? SyntheticPaging.FourLevel
            : SyntheticPaging.FiveLevel);
    }
}
