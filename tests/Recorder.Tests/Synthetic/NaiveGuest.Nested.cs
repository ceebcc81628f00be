using Replay.Trace;

namespace Replay.Recorder.Tests.Synthetic;

/// <summary>What the stream tells of nested guests, and the second dimension of their walks.</summary>
internal sealed partial class NaiveGuest
{
    private const ulong FrameMask = 0x000f_ffff_ffff_f000;

    public long NestedAccesses { get; private set; }

    private void NestedAccess(TraceEvent row)
    {
        NestedAccesses++;
        var vcpu = _vcpus[row.Vcpu];
        if (vcpu.L1 is null)
            Say(row.Ordinal, "an access of a nested guest, but none runs");
        if (row.Access == AccessKind.Write && _pages.ContainsKey(row.Gpa!.Value >> 12))
            Say(row.Ordinal, $"a plain write to page table {row.Gpa:x}");
        ExpectL2(row);
        Expect(row.Ordinal, row.Vcpu, row.Access!.Value, row.Flags!.Value, row.Gva!.Value, row.Gpa);
    }

    private void ExpectL2(TraceEvent row)
    {
        var vcpu = _vcpus[row.Vcpu];
        var (address, _) = Walk(row.Ordinal, vcpu, row.Access ?? AccessKind.Write, row.Flags!.Value, row.Gva!.Value);
        var expected = vcpu.NestedCr3 is null ? (ulong?)null : address;
        if (row.L2Gpa != expected)
            Say(row.Ordinal, $"{row.Gva:x} is said to be {row.L2Gpa:x} in L2, but should be {expected:x}");
    }

    private void Enter(TraceEvent row)
    {
        var l1 = _vcpus[row.Vcpu];
        if (l1.L1 is not null)
            Say(row.Ordinal, "VMRUN inside a nested guest");
        var entry = EventDetail.ReadNestedEntry(row);
        var l2 = new NaiveVcpu
        {
            Cr0 = entry.Cr0,
            Cr3 = entry.Cr3,
            Cr4 = entry.Cr4,
            Efer = entry.Efer,
            Pkru = l1.Pkru,
            L1 = l1,
            NestedCr3 = entry.NestedPaging ? entry.NestedCr3 : null,
        };
        _vcpus[row.Vcpu] = l2;
        if (l2.Paging == "pae")
            l2.Pdptes = [.. Enumerable.Range(0, 4).Select(i => Entry(row.Ordinal, l2, (l2.Cr3 & 0xffff_ffe0) + ((ulong)i * 8), 8))];
    }

    private void Leave(TraceEvent row)
    {
        if (_vcpus[row.Vcpu].L1 is not { } l1)
        {
            Say(row.Ordinal, "#VMEXIT, but no nested guest runs");
            return;
        }
        var exit = EventDetail.ReadNestedExit(row);
        if ((l1.Cr0, l1.Cr3, l1.Cr4, l1.Efer) != (exit.Cr0, exit.Cr3, exit.Cr4, exit.Efer))
            Say(row.Ordinal, $"L1 comes back with CR0 {exit.Cr0:x}, CR3 {exit.Cr3:x}, CR4 {exit.Cr4:x}, EFER {exit.Efer:x}");
        l1.Tlb.FlushEverything();
        _vcpus[row.Vcpu] = l1;
    }

    /// <summary>Where an address of the running guest is in the machine: a walk of L1's nested page tables, if it has them.</summary>
    private ulong FromL2(long ordinal, NaiveVcpu vcpu, ulong address)
    {
        if (vcpu.NestedCr3 is not { } root)
            return address;
        var (top, table) = vcpu.L1!.Paging switch { "5" => (5, root & FrameMask), "4" => (4, root & FrameMask), _ => (3, root & 0xffff_ffe0) };
        for (var level = top; ; level--)
        {
            var shift = 12 + (9 * (level - 1));
            var entry = Entry(ordinal, table + (((address >> shift) & 511) * 8), 8);
            if ((entry & 1) == 0)
            {
                Say(ordinal, $"nested page tables do not map {address:x}");
                return ulong.MaxValue;
            }
            if (level == 1 || (level == 2 && (entry & 0x80) != 0) || (level == 3 && top > 3 && (entry & 0x80) != 0))
            {
                var offset = (1UL << shift) - 1;
                return (entry & FrameMask & ~offset) | (address & offset);
            }
            table = entry & FrameMask;
        }
    }
}
