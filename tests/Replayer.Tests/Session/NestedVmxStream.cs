using Replay.Trace;

namespace Replay.Replayer.Tests.Session;

/// <summary>The same under VMX: extended page tables in place of nested ones, their rights and formats by the SDM.</summary>
internal sealed class NestedVmxStream(ReplaySession session, bool nestedPaging = true) : NestedStream(session, nestedPaging, efer: 0xd00)
{
    public const ulong Read = 1;
    public const ulong Write = 2;
    public const ulong Execute = 4;
    public const ulong WriteBack = 6UL << 3;
    public const ulong Rwx = Read | Write | Execute;
    public const ulong Violation = 48;
    public const ulong Misconfiguration = 49;

    /// <summary>Of the code of a fault: L1's entries are malformed.</summary>
    private const ulong Malformed = 1UL << 63;
    private const ulong EptpAccessedDirty = 1UL << 6;

    /// <summary>EPTP: write-back, four levels.</summary>
    public ulong Eptp => NestedCr3 | 0x1e | (AccessedDirty ? EptpAccessedDirty : 0);

    /// <summary>The EPTP switches accessed and dirty bits on.</summary>
    public bool AccessedDirty { get; set; } = true;

    public override void TableFault(Found found) =>
        Vmexit((found.Code & Malformed) != 0 ? Misconfiguration : Violation, found.Code & ~Malformed, found.L2Gpa);

    public override void PageFaultExit(ulong code, ulong gva) => Vmexit(0, code, gva, 0x8000_0b0e);

    /// <summary>VMCALL.</summary>
    public override void Hypercall() => Vmexit(18);

    /// <param name="type">1: of this EPTP; 2: all.</param>
    public void Invept(ulong type, ulong? eptp = null) => Add(new TraceEvent { Ordinal = 0, Kind = TraceEventKind.Invept, Value = type, Gpa = eptp ?? Eptp });

    public void Invvpid(ulong type) => Add(new TraceEvent { Ordinal = 0, Kind = TraceEventKind.Invvpid, Value = type, ErrorCode = Asid, Gva = 0 });

    /// <summary>L2 runs under PAE paging, on the page directory of its tables: the PDPTE that leads there is in the VMCS alone.</summary>
    public bool IsPae { get; set; }

    protected override NestedEntry Entry()
    {
        var entry = base.Entry() with { Vmx = true, NestedCr3 = NestedPaging ? Eptp : 0 };
        return IsPae
            ? entry with { Cr3 = 0x10_0000, Cr4 = 0x20, Efer = 0, Pdpte0 = (L2Cr3 + 0x2000) | Present, Pdpte1 = 0, Pdpte2 = 0, Pdpte3 = 0 }
            : entry;
    }

    protected override bool Translate(ulong gpa, AccessKind kind, bool isTable, out ulong l1, out ulong code)
    {
        l1 = gpa;
        code = 0;
        if (!NestedPaging)
            return true;
        var wanted = isTable ? AccessedDirty ? Read | Write : Read : kind switch { AccessKind.Write => Write, AccessKind.Fetch => Execute, _ => Read };
        var table = NestedCr3;
        var rights = Rwx;
        for (var level = 4; ; level--)
        {
            var entry = EntryAt(table + ((gpa >> (12 + (9 * (level - 1))) & 511) * 8));
            rights &= entry;
            code = wanted | rights << 3 | 1UL << 7 | (isTable ? 0 : 1UL << 8);
            if ((entry & Rwx) == 0)
                return false;
            var isLeaf = level == 1 || (level < 4 && (entry & Large) != 0);
            if (IsMalformed(entry, isLeaf))
            {
                code |= Malformed;
                return false;
            }

            if (!isLeaf)
            {
                table = entry & 0xf_ffff_ffff_f000;
                continue;
            }

            var mask = (1UL << (12 + (9 * (level - 1)))) - 1;
            l1 = (entry & 0xf_ffff_ffff_f000 & ~mask) | (gpa & mask);
            return ((isTable && AccessedDirty ? Write : wanted) & ~rights) == 0;
        }
    }

    /// <summary>SDM: EPT misconfigurations.</summary>
    private static bool IsMalformed(ulong entry, bool isLeaf) =>
        (entry & Rwx) is Write or (Write | Execute) || (isLeaf ? (entry >> 3 & 7) is 2 or 3 or 7 : (entry >> 3 & 15) != 0) || (entry >> 46 & 63) != 0;
}
