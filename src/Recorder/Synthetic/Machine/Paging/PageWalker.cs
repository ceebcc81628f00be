using Replay.Trace;

namespace Replay.Recorder.Synthetic.Machine;

/// <summary>The CPU's page walk: rights, reserved bits, A and D bits, for every paging mode.</summary>
internal sealed class PageWalker
{
    public const ulong Cr3AddressMask = 0x000f_ffff_ffff_f000;

    private const ulong PaeCr3AddressMask = 0xffff_ffe0;
    private const int MaxLevels = 5;

    /// <summary>The bits of a large page's entry below its address that are not reserved: flags and PAT.</summary>
    private const ulong LowOfLargeMask = 0x1fff;

    // A 4 MiB page of 32-bit paging keeps address bits 39:32 in bits 20:13; bit 21 is reserved.
    private const ulong Pse36AddressMask = 0x1f_e000;
    private const int Pse36AddressShift = 19;
    private const ulong Pse36ReservedMask = 1 << 21;

    private readonly MachineMemory _memory;
    private readonly Action<Vcpu, Gfn> _seeTable;

    /// <param name="memory">Where the tables are.</param>
    /// <param name="seeTable">Told of every table page before an entry of it is read.</param>
    public PageWalker(MachineMemory memory, Action<Vcpu, Gfn> seeTable)
    {
        _memory = memory;
        _seeTable = seeTable;
    }

    /// <summary>Loads the PDPTE registers, as a MOV to CR3 does under PAE.</summary>
    public void LoadPdptes(Vcpu vcpu)
    {
        var table = vcpu.Cr3 & PaeCr3AddressMask;
        for (var i = 0; i < vcpu.Pdptes.Length; i++)
            vcpu.Pdptes[i] = _memory.Read(new Gpa(table + ((ulong)i * 8)), 8);
    }

    /// <summary>Translates; on failure the vCPU's CR2 and fault error tell why, and no A or D bit has changed.</summary>
    public bool Translate(Vcpu vcpu, AccessKind kind, AccessFlags privilege, ulong gva, out ulong gpa)
    {
        var format = vcpu.Format;
        gpa = gva;
        if (format.Mode == SyntheticPaging.Off)
            return true;

        var rights = new AccumulatedRights(kind, privilege, vcpu);
        Span<ulong> trail = stackalloc ulong[MaxLevels];
        var visited = 0;
        var level = format.Levels;
        var table = vcpu.Cr3 & Cr3AddressMask & format.AddressMask;
        if (format.Mode == SyntheticPaging.Pae)
        {
            var pdpte = new Gpte(vcpu.Pdptes[format.Index(gva, level)]);
            if (!pdpte.IsPresent)
                return Fault(vcpu, kind, gva, rights.Error(PageFaultError.None));
            table = pdpte.Raw & format.AddressMask;
            level--;
        }

        while (true)
        {
            _seeTable(vcpu, new Gfn(table >> 12));
            var address = table + (ulong)(format.Index(gva, level) * format.EntryBytes);
            var entry = new Gpte(_memory.Read(new Gpa(address), format.EntryBytes));
            if (!entry.IsPresent)
                return Fault(vcpu, kind, gva, rights.Error(PageFaultError.None));
            var isLeaf = level == 1 || MapsLarge(entry, level, format, vcpu);
            if (HasReservedBits(entry, level, isLeaf, format, vcpu))
                return Fault(vcpu, kind, gva, rights.Error(PageFaultError.Present | PageFaultError.Reserved));
            rights.Add(entry);
            trail[visited++] = address;
            if (!isLeaf)
            {
                table = entry.Raw & format.AddressMask;
                level--;
                continue;
            }
            var denial = rights.Check(entry);
            if (denial != PageFaultError.None)
                return Fault(vcpu, kind, gva, rights.Error(denial));
            var inPage = format.Span(level) - 1;
            gpa = (entry.Raw & format.AddressMask & ~inPage) | (gva & inPage);
            if (level > 1 && format.Mode == SyntheticPaging.TwoLevel)
                gpa |= (entry.Raw & Pse36AddressMask) << Pse36AddressShift;
            Mark(trail[..visited], kind, format.EntryBytes);
            return true;
        }
    }

    private static bool MapsLarge(Gpte entry, int level, PagingFormat format, Vcpu vcpu)
        => entry.IsLarge && format.CanMapLarge(level)
            && (format.Mode != SyntheticPaging.TwoLevel || (vcpu.Cr4 & ControlBits.Cr4Pse) != 0);

    private static bool HasReservedBits(Gpte entry, int level, bool isLeaf, PagingFormat format, Vcpu vcpu)
    {
        if (format.Mode == SyntheticPaging.TwoLevel)
            return isLeaf && level > 1 && (entry.Raw & Pse36ReservedMask) != 0;
        var reserved = Gpte.ReservedMask;
        if (isLeaf && level > 1)
            reserved |= (format.Span(level) - 1) & ~LowOfLargeMask;
        if ((vcpu.Efer & ControlBits.EferNxe) == 0)
            reserved |= Gpte.NoExecuteMask;
        if (format.Mode == SyntheticPaging.Pae)
            reserved |= 0x7ff0_0000_0000_0000;
        if (level > 3)
            reserved |= Gpte.LargeMask;
        return (entry.Raw & reserved) != 0;
    }

    private static bool Fault(Vcpu vcpu, AccessKind kind, ulong gva, PageFaultError error)
    {
        vcpu.Cr2 = gva;
        vcpu.FaultKind = kind;
        vcpu.FaultError = error;
        return false;
    }

    private void Mark(ReadOnlySpan<ulong> trail, AccessKind kind, int bytes)
    {
        for (var i = 0; i < trail.Length; i++)
        {
            var mask = Gpte.AccessedMask;
            if (i == trail.Length - 1 && kind == AccessKind.Write)
                mask |= Gpte.DirtyMask;
            var at = new Gpa(trail[i]);
            var raw = _memory.Read(at, bytes);
            if ((raw & mask) != mask)
                _memory.Write(at, bytes, raw | mask);
        }
    }
}
