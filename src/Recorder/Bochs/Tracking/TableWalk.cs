using Replay.Trace;

namespace Replay.Recorder.Bochs;

/// <summary>Where an address leads by the tables as they are in memory.</summary>
/// <param name="IsMapped">It leads somewhere.</param>
/// <param name="L2Gpa">The nested guest's physical address, where its hypervisor made tables for it.</param>
/// <param name="Gpa">The machine's.</param>
internal readonly record struct Place(bool IsMapped, ulong L2Gpa, ulong Gpa);

/// <summary>
/// Walks the tables of the guest, and of a nested guest's hypervisor, in the memory that the trace tells. It looks at presence alone, not at rights,
/// and tells of each page that serves as a table on the way.
/// </summary>
/// <param name="ram">The guest's memory.</param>
/// <param name="meet">Told of each table page, before anything is read there.</param>
internal sealed class TableWalk(GuestRam ram, Action<ulong> meet)
{
    private const ulong Frame = 0x000f_ffff_ffff_f000;
    private const ulong Huge = 1UL << 7;
    private const ulong Present = 1;
    private const ulong EptRights = 7;

    /// <param name="va">A linear address.</param>
    /// <param name="controls">Of the guest that uses it.</param>
    /// <param name="second">The tables that its hypervisor made for it; null where its physical addresses are the machine's.</param>
    public Place Find(ulong va, Controls controls, OuterTables? second)
    {
        var l2Gpa = controls.IsLong ? va : (uint)va;
        if (controls.HasPaging && !TryTables(va, controls.Cr3, controls, second, out l2Gpa))
            return default;
        if (second is not { } tables)
            return new Place(true, 0, l2Gpa);
        return TrySecond(l2Gpa, tables, out var gpa) ? new Place(true, l2Gpa, gpa) : new Place(false, l2Gpa, 0);
    }

    private bool TrySecond(ulong l2Gpa, OuterTables second, out ulong gpa) => second.IsEpt
        ? TryLong(l2Gpa, second.Root & Frame, (second.Root & 0x38) >> 3 == 4 ? 5 : 4, null, EptRights, out gpa)
        : TryTables(l2Gpa, second.Root, second.Format, null, out gpa);

    private bool TryTables(ulong va, ulong root, Controls format, OuterTables? second, out ulong to)
    {
        if (format.IsLong)
            return TryLong(va, root & Frame, (format.Cr4 & ControlBits.Cr4La57) != 0 ? 5 : 4, second, Present, out to);
        return (format.Cr4 & ControlBits.Cr4Pae) != 0 ? TryPae((uint)va, root, second, out to) : Try32((uint)va, root, format, second, out to);
    }

    private bool TryLong(ulong va, ulong table, int levels, OuterTables? second, ulong present, out ulong to)
    {
        to = 0;
        for (var level = levels; level > 0; level--)
        {
            var shift = 12 + (9 * (level - 1));
            if (!TryEntry(table + (((va >> shift) & 511) * 8), 8, second, present, out var entry))
                return false;
            if (level == 1 || (level <= 3 && (entry & Huge) != 0))
            {
                var page = (1UL << shift) - 1;
                to = (entry & Frame & ~page) | (va & page);
                return true;
            }

            table = entry & Frame;
        }

        return false;
    }

    private bool TryPae(uint va, ulong root, OuterTables? second, out ulong to)
    {
        to = 0;
        if (!TryEntry((root & 0xffff_ffe0) + ((va >> 30) * 8), 8, second, Present, out var entry)
            || !TryEntry((entry & Frame) + (((va >> 21) & 511) * 8), 8, second, Present, out entry))
            return false;
        if ((entry & Huge) != 0)
        {
            to = (entry & Frame & ~0x1f_ffffUL) | (va & 0x1f_ffff);
            return true;
        }

        if (!TryEntry((entry & Frame) + (((va >> 12) & 511) * 8), 8, second, Present, out entry))
            return false;
        to = (entry & Frame) | (va & 0xfff);
        return true;
    }

    private bool Try32(uint va, ulong root, Controls format, OuterTables? second, out ulong to)
    {
        to = 0;
        if (!TryEntry((root & 0xffff_f000) + ((va >> 22) * 4), 4, second, Present, out var entry))
            return false;
        if ((entry & Huge) != 0 && (format.Cr4 & ControlBits.Cr4Pse) != 0)
        {
            // PSE-36: bits 39 to 32 of the frame stand in 20 to 13.
            to = (entry & 0xffc0_0000) | ((entry & 0x1f_e000) << 19) | (va & 0x3f_ffff);
            return true;
        }

        if (!TryEntry((entry & 0xffff_f000) + (((va >> 12) & 1023) * 4), 4, second, Present, out entry))
            return false;
        to = (entry & 0xffff_f000) | (va & 0xfff);
        return true;
    }

    private bool TryEntry(ulong address, int size, OuterTables? second, ulong present, out ulong entry)
    {
        entry = 0;
        if (second is { } tables && !TrySecond(address, tables, out address))
            return false;
        if (!ram.Contains(address))
            return false;
        meet(address);
        return ram.TryRead(address, size, out entry) && (entry & present) != 0;
    }
}

/// <summary>The tables that a hypervisor made for its guest's physical addresses.</summary>
/// <param name="IsEpt">Extended page tables, and the root is an EPTP.</param>
/// <param name="Root">EPTP or nCR3.</param>
/// <param name="Format">Of nested page tables: the hypervisor's own registers.</param>
internal readonly record struct OuterTables(bool IsEpt, ulong Root, Controls Format);
