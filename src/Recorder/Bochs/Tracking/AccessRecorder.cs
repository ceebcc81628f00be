using System.Buffers.Binary;
using Replay.Trace;

namespace Replay.Recorder.Bochs;

/// <summary>
/// Records accesses: as plain touches, stores to page tables, touches of a device or of a nested guest. Pages that serve as tables come into the
/// stream with their content before the first access that goes through them.
/// </summary>
internal sealed class AccessRecorder
{
    private const ulong PageMask = GuestRam.PageSize - 1;
    private const ulong NoPage = ulong.MaxValue;

    private readonly GuestRam _ram;
    private readonly CaptureStream _stream;
    private readonly TracedGuest _context;
    private readonly BochsFindings _findings;
    private readonly TableWalk _walk;
    private readonly Dictionary<ulong, Place> _places = [];
    private ulong _fetchPage = NoPage;

    public AccessRecorder(GuestRam ram, CaptureStream stream, TracedGuest context, BochsFindings findings)
    {
        _ram = ram;
        _stream = stream;
        _context = context;
        _findings = findings;
        _walk = new TableWalk(ram, Meet);
    }

    /// <summary>Something changed that translations depend on: they are looked up anew, and fetches are seen anew.</summary>
    public void Forget()
    {
        _places.Clear();
        _fetchPage = NoPage;
    }

    /// <summary>Execution may have left the page and come back to it.</summary>
    public void ForgetFetch() => _fetchPage = NoPage;

    /// <summary>Where an address leads by the tables in memory, which become known as such.</summary>
    public Place Find(ulong va)
    {
        if (_places.TryGetValue(va & ~PageMask, out var place))
            return place;
        place = _walk.Find(va & ~PageMask, _context.Controls, _context.Second);
        _places[va & ~PageMask] = place;
        return place;
    }

    /// <summary>A page serves as a table.</summary>
    public void Meet(ulong gpa)
    {
        if (!_ram.Contains(gpa) || _ram.IsTable(gpa))
            return;
        _ram.MarkTable(gpa);
        _findings.TablePages++;
        TellPage(gpa);
    }

    /// <summary>An entry that the CPU read is not what the trace had written there: a device did.</summary>
    public void CorrectTable(ulong gpa, ReadOnlySpan<byte> entry)
    {
        if (!_ram.Contains(gpa) || _ram.Holds(gpa, entry))
            return;
        _findings.Corrections++;
        _ram.Store(gpa, entry);
        if (_ram.IsTable(gpa))
        {
            _stream.Add(new TraceEvent { Ordinal = 0, Kind = TraceEventKind.PageRelease, Gpa = gpa & ~PageMask });
            TellPage(gpa);
        }
    }

    /// <summary>The CPU fetches an instruction: once each time execution enters a page.</summary>
    public void Fetch(ulong va, ulong gpa, int length)
    {
        va = Linear(va, gpa);
        var user = _context.Cpl == 3 ? AccessFlags.User : AccessFlags.None;
        var room = (int)(GuestRam.PageSize - (va & PageMask));
        if (_fetchPage != (va & ~PageMask))
            Record(AccessKind.Fetch, va, gpa, Math.Min(length, room), user, va, []);
        _fetchPage = va & ~PageMask;
        if (length <= room)
            return;
        var second = va + (ulong)room;
        if (Find(second) is { IsMapped: true } place)
            Record(AccessKind.Fetch, second, place.Gpa, length - room, user, va, []);
        else
            _findings.Untold++;
        _fetchPage = second;
    }

    /// <summary>Without paging a linear address is the physical one, whatever the segment's base, which the trace does not tell.</summary>
    private ulong Linear(ulong va, ulong gpa) => _context.Controls.HasPaging || _context.Second is not null ? va : gpa;

    /// <summary>An access within one page, made by an instruction.</summary>
    public void Record(AccessKind kind, ulong va, ulong gpa, int size, AccessFlags flags, ulong? rip, ReadOnlySpan<byte> data, StoreInstruction instruction = StoreInstruction.Untold)
    {
        va = Linear(va, gpa);
        if (((va ^ gpa) & PageMask) != 0)
        {
            // Of a segment that does not begin at 0.
            _findings.Untold++;
            if (kind == AccessKind.Write)
                _ram.Store(gpa, data);
            return;
        }

        var place = Find(va);
        var isWhere = place.IsMapped && ((place.Gpa ^ gpa) & ~PageMask) == 0;
        if (!isWhere)
            _findings.OtherTranslations++;
        ulong? l2Gpa = _context.Second is not null && isWhere ? (place.L2Gpa & ~PageMask) | (va & PageMask) : null;
        if (!_ram.Contains(gpa))
            _stream.Add(new TraceEvent { Ordinal = 0, Kind = TraceEventKind.Mmio, Access = kind, Flags = flags | AccessFlags.Mmio, Gva = va, Gpa = gpa, L2Gpa = l2Gpa, Size = (uint)size, Rip = rip });
        else if (kind == AccessKind.Write && _ram.IsTable(gpa))
            StoreToTable(va, gpa, l2Gpa, flags | instruction.ToFlags(), rip, data);
        else if (_context.IsNested)
            _stream.Add(new TraceEvent { Ordinal = 0, Kind = TraceEventKind.NestedAccess, Access = kind, Flags = flags, Gva = va, Gpa = gpa, L2Gpa = l2Gpa, Size = (uint)size, Rip = rip });
        else
            _stream.Add(kind, flags, va, gpa, size, rip ?? 0);
        if (kind == AccessKind.Write)
            _ram.Store(gpa, data);
    }

    /// <summary>An access that the CPU made itself while it delivered an event.</summary>
    public void RecordImplicit(bool isWrite, ulong va, ulong gpa, ReadOnlySpan<byte> data)
    {
        Find(va);
        _stream.Add(new TraceEvent { Ordinal = 0, Kind = TraceEventKind.ImplicitAccess, Access = isWrite ? AccessKind.Write : AccessKind.Read, Gva = va, Size = (uint)data.Length });
        if (isWrite)
            _ram.Store(gpa, data);
    }

    private void TellPage(ulong gpa)
    {
        var content = _ram.Page(gpa);
        _stream.Add(new TraceEvent { Ordinal = 0, Kind = TraceEventKind.PageImage, Gpa = gpa & ~PageMask, Data = content.ContainsAnyExcept((byte)0) ? content.ToArray() : null });
        _fetchPage = NoPage;
    }

    private void StoreToTable(ulong va, ulong gpa, ulong? l2Gpa, AccessFlags flags, ulong? rip, ReadOnlySpan<byte> data)
    {
        Span<byte> word = stackalloc byte[8];
        for (var at = 0; at < data.Length; at += word.Length)
        {
            var part = data.Slice(at, Math.Min(word.Length, data.Length - at));
            word.Clear();
            part.CopyTo(word);
            _stream.Add(new TraceEvent
            {
                Ordinal = 0,
                Kind = TraceEventKind.PageTableStore,
                Access = AccessKind.Write,
                Flags = flags,
                Gva = va + (ulong)at,
                Gpa = gpa + (ulong)at,
                L2Gpa = l2Gpa + (ulong)at,
                Size = (uint)part.Length,
                Value = BinaryPrimitives.ReadUInt64LittleEndian(word),
                Rip = rip,
            });
        }

        Forget();
    }
}
