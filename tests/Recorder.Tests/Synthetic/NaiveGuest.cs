using System.Globalization;
using Replay.Trace;

namespace Replay.Recorder.Tests.Synthetic;

/// <summary>
/// An independent reading of a stream: memory known only from page images and page-table stores, registers known only from events, and
/// a page walk written from the manual without regard to speed. It says where the stream contradicts itself.
/// </summary>
internal sealed partial class NaiveGuest
{
    private readonly Dictionary<ulong, byte[]> _pages = [];
    private readonly Dictionary<byte, NaiveVcpu> _vcpus = [];
    private readonly Dictionary<int, MemslotChange> _slots = [];
    private MemslotChange _lastSlot = new();

    public List<string> Contradictions { get; } = [];

    /// <summary>Walks that met an entry other than the one a TLB may still hold for the place.</summary>
    public long StaleUses { get; private set; }

    public string? FirstStaleUse { get; private set; }

    public long Walks { get; private set; }

    public long Faults { get; private set; }

    public void Access(long ordinal, byte vcpu, AccessKind kind, AccessFlags flags, ulong gva, ulong gpa, int size)
    {
        Walks++;
        if ((gva & 0xfff) + (ulong)size > 4096)
            Say(ordinal, $"the access at {gva:x} crosses a page");
        if (_pages.ContainsKey(gpa >> 12) && kind == AccessKind.Write)
            Say(ordinal, $"a plain write to page table {gpa:x}");
        if (!InSlot(gpa))
            Say(ordinal, $"a plain access outside of RAM, {gpa:x}");
        Expect(ordinal, vcpu, kind, flags, gva, gpa);
    }

    public void Event(TraceEvent row)
    {
        switch (row.Kind)
        {
            case TraceEventKind.PageTableStore:
                Walks++;
                Expect(row.Ordinal, row.Vcpu, AccessKind.Write, row.Flags!.Value, row.Gva!.Value, row.Gpa!.Value);
                Store(row);
                break;
            case TraceEventKind.NestedAccess:
                NestedAccess(row);
                break;
            case TraceEventKind.NestedEnter:
                Enter(row);
                break;
            case TraceEventKind.NestedExit:
                Leave(row);
                break;
            case TraceEventKind.Mmio:
                Walks++;
                if (InSlot(row.Gpa!.Value))
                    Say(row.Ordinal, $"MMIO inside a memslot, {row.Gpa:x}");
                Expect(row.Ordinal, row.Vcpu, row.Access!.Value, row.Flags!.Value, row.Gva!.Value, row.Gpa!.Value);
                break;
            case TraceEventKind.ImplicitAccess:
                Walks++;
                Expect(row.Ordinal, row.Vcpu, row.Access!.Value, AccessFlags.Implicit, row.Gva!.Value, row.Gpa);
                break;
            case TraceEventKind.GuestPageFault:
                Faults++;
                ExpectFault(row);
                break;
            case TraceEventKind.PageImage:
                if (!_pages.TryAdd(row.Gpa!.Value >> 12, row.Data ?? new byte[4096]))
                    Say(row.Ordinal, $"a second image of page {row.Gpa:x}");
                break;
            case TraceEventKind.PageRelease:
                if (!_pages.Remove(row.Gpa!.Value >> 12))
                    Say(row.Ordinal, $"page {row.Gpa:x} was no table");
                break;
            case TraceEventKind.Memslot:
                var slot = EventDetail.ReadMemslotChange(row);
                _slots[slot.Slot] = slot;
                _lastSlot = slot;
                break;
            default:
                Register(row);
                break;
        }
    }

    private bool InSlot(ulong gpa)
    {
        if (gpa >= _lastSlot.Gpa && gpa - _lastSlot.Gpa < _lastSlot.Size)
            return true;
        if (_slots.Values.FirstOrDefault(slot => gpa >= slot.Gpa && gpa - slot.Gpa < slot.Size) is not { } found)
            return false;
        _lastSlot = found;
        return true;
    }

    private void Register(TraceEvent row)
    {
        if (row.Kind == TraceEventKind.VcpuState)
        {
            var state = EventDetail.ReadVcpuState(row);
            _vcpus[row.Vcpu] = new NaiveVcpu { Cr0 = state.Cr0, Cr3 = state.Cr3, Cr4 = state.Cr4, Efer = state.Efer };
            return;
        }
        var vcpu = _vcpus[row.Vcpu];
        var value = row.Value ?? 0;
        switch (row.Kind)
        {
            case TraceEventKind.Cr0Write:
                if (((vcpu.Cr0 ^ value) >> 31 & 1) != 0)
                    vcpu.Tlb.FlushEverything();
                vcpu.Cr0 = value;
                break;
            case TraceEventKind.Cr3Write:
                vcpu.Cr3 = value & ~(1UL << 63);
                if ((vcpu.Cr4 >> 17 & 1) == 0)
                    vcpu.Tlb.FlushNonGlobal();
                else if (value >> 63 == 0)
                    vcpu.Tlb.FlushPcid(vcpu.Pcid);
                break;
            case TraceEventKind.Cr4Write:
                if (((vcpu.Cr4 ^ value) >> 7 & 1) != 0)
                    vcpu.Tlb.FlushEverything();
                vcpu.Cr4 = value;
                break;
            case TraceEventKind.EferWrite:
                vcpu.Efer = value;
                break;
            case TraceEventKind.PkruWrite:
                vcpu.Pkru = (uint)value;
                return;
            case TraceEventKind.Invlpg:
                vcpu.Tlb.FlushPage(vcpu.Pcid, row.Gva!.Value, vcpu.ShiftOf);
                return;
            case TraceEventKind.Invpcid when value is 2:
                vcpu.Tlb.FlushEverything();
                return;
            case TraceEventKind.Invpcid:
                Say(row.Ordinal, $"INVPCID of type {value} is not expected of a synthetic guest");
                return;
            default:
                return;
        }
        if (vcpu.Paging == "pae")
            vcpu.Pdptes = [.. Enumerable.Range(0, 4).Select(i => Entry(row.Ordinal, vcpu, (vcpu.Cr3 & 0xffff_ffe0) + ((ulong)i * 8), 8))];
    }

    private void Expect(long ordinal, byte vcpu, AccessKind kind, AccessFlags flags, ulong gva, ulong? gpa)
    {
        var (address, error) = Walk(ordinal, _vcpus[vcpu], kind, flags, gva);
        if (error is null)
            address = FromL2(ordinal, _vcpus[vcpu], address);
        if (error is not null)
            Say(ordinal, $"{kind} {flags} at {gva:x} happened, but should fault with {error:x}");
        else if (gpa is not null && address != gpa)
            Say(ordinal, $"{kind} at {gva:x} reached {gpa:x}, but should reach {address:x}");
    }

    private void ExpectFault(TraceEvent row)
    {
        // A source that sees only the exception knows the access by its error code.
        var code = row.ErrorCode!.Value;
        var kind = row.Access ?? ((code & 16) != 0 ? AccessKind.Fetch : (code & 2) != 0 ? AccessKind.Write : AccessKind.Read);
        var flags = row.Flags ?? ((code & 4) != 0 ? AccessFlags.User : AccessFlags.None);
        var (_, error) = Walk(row.Ordinal, _vcpus[row.Vcpu], kind, flags, row.Gva!.Value);
        if (error != row.ErrorCode)
            Say(row.Ordinal, $"a #PF at {row.Gva:x} with {row.ErrorCode:x}, but should be {error:x}");
    }

    private (ulong Gpa, uint? Error) Walk(long ordinal, NaiveVcpu vcpu, AccessKind kind, AccessFlags flags, ulong gva)
    {
        var user = (flags & AccessFlags.User) != 0;
        var nx = (vcpu.Efer & (1 << 11)) != 0 && (vcpu.Cr4 & (1 << 5)) != 0;
        var smep = (vcpu.Cr4 & (1 << 20)) != 0;
        var smap = (vcpu.Cr4 & (1 << 21)) != 0;
        var wp = (vcpu.Cr0 & (1 << 16)) != 0;
        var baseError = (kind == AccessKind.Write ? 2u : 0) | (user ? 4u : 0) | (kind == AccessKind.Fetch && (nx || smep) ? 16u : 0);
        if (vcpu.Paging == "off")
            return (gva, null);

        var entries = new List<ulong>();
        var (levels, bits, bytes) = vcpu.Paging switch { "32" => (2, 10, 4), "pae" => (2, 9, 8), "4" => (4, 9, 8), _ => (5, 9, 8) };
        var mask = bytes == 4 ? 0xffff_f000UL : 0x000f_ffff_ffff_f000UL;
        var table = vcpu.Cr3 & mask;
        if (vcpu.Paging == "pae")
        {
            var pdpte = vcpu.Pdptes[(gva >> 30) & 3];
            if ((pdpte & 1) == 0)
                return (0, baseError);
            table = pdpte & mask;
        }
        for (var level = levels; level >= 1; level--)
        {
            var shift = 12 + (bits * (level - 1));
            var index = (gva >> shift) & ((1UL << bits) - 1);
            var entry = Entry(ordinal, vcpu, table + (index * (ulong)bytes), bytes);
            if ((entry & 1) == 0)
            {
                if (vcpu.Tlb.Holds(vcpu.Pcid, level, shift, gva))
                    Stale(ordinal, level, gva, entry);
                return (0, baseError);
            }
            var large = level > 1 && (entry & 0x80) != 0 && (level == 2 || (level == 3 && levels > 3))
                && (bytes == 8 || (vcpu.Cr4 & (1 << 4)) != 0);
            var pageBits = (1UL << shift) - 1;
            if (bytes == 8)
            {
                var reserved = 1UL << 51;
                if (!nx)
                    reserved |= 1UL << 63;
                if (vcpu.Paging == "pae")
                    reserved |= 0x7ff0_0000_0000_0000;
                if (level > 3)
                    reserved |= 0x80;
                if (large)
                    reserved |= pageBits & ~0x1fffUL;
                if ((entry & reserved) != 0)
                    return (0, baseError | 9);
            }
            else if (large && (entry & 0x20_0000) != 0)
            {
                return (0, baseError | 9);
            }
            if (!vcpu.Tlb.Meet(vcpu.Pcid, level, shift, gva, entry, isLeaf: level == 1 || large))
                Stale(ordinal, level, gva, entry);
            entries.Add(entry);
            if (level > 1 && !large)
            {
                table = entry & mask;
                continue;
            }
            var gpa = (entry & mask & ~pageBits) | (gva & pageBits);
            if (large && bytes == 4)
                gpa |= ((entry >> 13) & 0xff) << 32;
            var allUser = entries.All(e => (e & 4) != 0);
            var allWrite = entries.All(e => (e & 2) != 0);
            var anyNx = entries.Any(e => e >> 63 != 0);
            var denied = kind == AccessKind.Fetch && anyNx && nx;
            if (user)
                denied |= !allUser || (kind == AccessKind.Write && !allWrite);
            else
            {
                denied |= kind == AccessKind.Write && !allWrite && wp;
                denied |= kind == AccessKind.Fetch && allUser && smep;
                denied |= kind != AccessKind.Fetch && allUser && smap && (flags & AccessFlags.AlignmentCheck) == 0;
            }
            var cause = denied ? 1u : 0;
            if ((vcpu.Cr4 & (1 << 22)) != 0 && levels > 3 && allUser && kind != AccessKind.Fetch)
            {
                var rights = (vcpu.Pkru >> (int)(((entry >> 59) & 15) * 2)) & 3;
                if ((rights & 1) != 0 || ((rights & 2) != 0 && kind == AccessKind.Write && (user || wp)))
                    cause = 0x21;
            }
            return cause == 0 ? (gpa, null) : (0, baseError | cause);
        }
        throw new InvalidOperationException();
    }

    private ulong Entry(long ordinal, NaiveVcpu vcpu, ulong address, int bytes) => Entry(ordinal, FromL2(ordinal, vcpu, address), bytes);

    private ulong Entry(long ordinal, ulong gpa, int bytes)
    {
        if (!_pages.TryGetValue(gpa >> 12, out var page))
        {
            Say(ordinal, $"page {gpa >> 12:x} serves as a table without an image");
            return 0;
        }
        var at = (int)(gpa & 0xfff);
        return bytes == 4 ? BitConverter.ToUInt32(page, at) : BitConverter.ToUInt64(page, at);
    }

    private void Store(TraceEvent row)
    {
        if (!_pages.TryGetValue(row.Gpa!.Value >> 12, out var page))
        {
            Say(row.Ordinal, $"a store to page {row.Gpa >> 12:x}, which had no image");
            return;
        }
        BitConverter.GetBytes(row.Value!.Value).AsSpan(0, (int)row.Size!.Value).CopyTo(page.AsSpan((int)(row.Gpa.Value & 0xfff)));
    }

    private void Stale(long ordinal, int level, ulong gva, ulong entry)
    {
        StaleUses++;
        FirstStaleUse ??= $"{ordinal}: level {level} of {gva:x} holds {entry:x}";
    }

    private void Say(long ordinal, string what)
        => Contradictions.Add(string.Create(CultureInfo.InvariantCulture, $"{ordinal}: {what}"));
}
