using Replay.Trace;

namespace Replay.Replayer.Tests.Session;

/// <summary>
/// Makes the stream that a recorder makes of a hypervisor and its guest: L1 maps its memory to itself by 2 MiB pages, and keeps nested page
/// tables and its guest's tables in places of its own. Written without the model's code: what stands where is computed here, by the architecture's rules.
/// </summary>
internal class NestedStream
{
    public const ulong Npt = 0x100_0000;
    public const ulong L2Tables = 0x140_0000;
    public const ulong L2TablesAsL2 = 0x40_0000;
    public const ulong Vmcb = 0x3e_0000;
    public const ulong Present = 1;
    public const ulong Writable = 2;
    public const ulong User = 4;
    public const ulong Accessed = 0x20;
    public const ulong Large = 0x80;
    public const ulong All = Present | Writable | User;
    public const ulong NoExecute = 1UL << 63;

    private const ulong L1Tables = 0x20_0000;
    private const ulong MemoryBytes = 0x400_0000;

    private readonly Dictionary<ulong, ulong> _entries = [];
    private readonly HashSet<ulong> _tables = [];
    private readonly ReplaySession _session;
    private readonly ulong _efer;
    private readonly TraceChunk _chunk = new();
    private long _ordinal;

    /// <param name="session">Gets the stream.</param>
    /// <param name="nestedPaging">L1 makes tables for L2.</param>
    /// <param name="efer">Of both: long mode, NX, and SVM where L1 uses that.</param>
    public NestedStream(ReplaySession session, bool nestedPaging = true, ulong efer = 0x1d00)
    {
        _efer = efer;
        _session = session;
        NestedPaging = nestedPaging;
        Add(new TraceEvent { Ordinal = 0, Kind = TraceEventKind.Memslot, Detail = EventDetail.Write(new MemslotChange { Slot = 0, Size = MemoryBytes }) });
        Table(L1Tables, i => i == 0 ? L1Tables + 0x1000 | All : 0);
        Table(L1Tables + 0x1000, i => i == 0 ? L1Tables + 0x2000 | All : 0);
        Table(L1Tables + 0x2000, i => i < MemoryBytes >> 21 ? i << 21 | Large | All : 0);
        var state = new VcpuState { Cr0 = 0x8001_0033, Cr3 = L1Tables, Cr4 = 0xb0, Efer = _efer };
        Add(new TraceEvent { Ordinal = 0, Kind = TraceEventKind.VcpuState, Detail = EventDetail.Write(state) });
    }

    public bool NestedPaging { get; }

    /// <summary>Accesses and events so far.</summary>
    public long Operations => _ordinal;

    public uint Asid { get; set; } = 1;

    public byte TlbControl { get; set; }

    /// <summary>Where L2's root table stands in L1's memory.</summary>
    public ulong L2Root => NestedPaging ? L2Cr3 - L2TablesAsL2 + L2Tables : L2Cr3;

    public ulong NestedCr3 { get; set; } = Npt;

    public ulong L2Cr3 { get; set; } = L2TablesAsL2;

    /// <summary>L1 wants L2's page faults.</summary>
    public bool InterceptsPageFaults { get; set; }

    /// <summary>A page that is a table, with its content.</summary>
    public void Table(ulong gpa, Func<ulong, ulong> entry)
    {
        var data = new byte[4096];
        _tables.Add(gpa);
        for (var i = 0UL; i < 512; i++)
        {
            _entries[gpa + (i * 8)] = entry(i);
            BitConverter.TryWriteBytes(data.AsSpan((int)i * 8), entry(i));
        }

        Add(new TraceEvent { Ordinal = 0, Kind = TraceEventKind.PageImage, Gpa = gpa, Data = data });
    }

    public ulong EntryAt(ulong gpa) => _entries.GetValueOrDefault(gpa);

    /// <summary>L1 writes an entry of one of its tables.</summary>
    public void L1Store(ulong gpa, ulong value)
    {
        _entries[gpa] = value;
        Add(new TraceEvent { Ordinal = 0, Kind = TraceEventKind.PageTableStore, Gva = gpa, Gpa = gpa, Size = 8, Value = value, Flags = AccessFlags.None, Rip = 0x10_0000 });
    }

    public void L1Read(ulong gpa)
    {
        _chunk.Clear();
        _chunk.Add(_ordinal++, 0, AccessKind.Read, AccessFlags.None, gpa, gpa, 8);
        _session.Process(_chunk);
    }

    public void Vmrun() =>
        Add(new TraceEvent { Ordinal = 0, Kind = TraceEventKind.NestedEnter, Gpa = Vmcb, Rip = 0x10_0000, Detail = EventDetail.Write(Entry()) });

    /// <summary>L1's tables do not allow an access: it gets the fault.</summary>
    public virtual void TableFault(Found found) => Vmexit(0x400, found.Code, found.L2Gpa);

    /// <summary>L1 gets L2's page fault.</summary>
    public virtual void PageFaultExit(ulong code, ulong gva) => Vmexit(0x4e, code, gva);

    /// <summary>What L2 did of its own accord.</summary>
    public virtual void Hypercall() => Vmexit(0x81);

    public void Vmexit(ulong code, ulong info1 = 0, ulong info2 = 0, ulong interruption = 0)
    {
        var exit = new NestedExit { Info1 = info1, Info2 = info2, InterruptInfo = interruption, Cr0 = 0x8001_0033, Cr3 = L1Tables, Cr4 = 0xb0, Efer = _efer };
        Add(new TraceEvent { Ordinal = 0, Kind = TraceEventKind.NestedExit, Value = code, Rip = 0x10_0003, Detail = EventDetail.Write(exit) });
    }

    public void Invlpg(ulong gva) => Add(new TraceEvent { Ordinal = 0, Kind = TraceEventKind.Invlpg, Gva = gva });

    public void Invlpga(ulong gva) => Add(new TraceEvent { Ordinal = 0, Kind = TraceEventKind.Invlpga, Gva = gva, Value = Asid });

    public void L2Cr3Write(ulong value)
    {
        L2Cr3 = value;
        Add(new TraceEvent { Ordinal = 0, Kind = TraceEventKind.Cr3Write, Value = value });
    }

    public void L2Access(Found found, AccessKind kind) => Add(new TraceEvent
    {
        Ordinal = 0,
        Kind = TraceEventKind.NestedAccess,
        Access = kind,
        Flags = AccessFlags.None,
        Gva = found.Gva,
        L2Gpa = NestedPaging ? found.L2Gpa : null,
        Gpa = found.Gpa,
        Size = 1,
    });

    /// <summary>L2, whose tables are identity there, gets to a device that its hypervisor mapped.</summary>
    public void L2Device(ulong gva, ulong device, AccessKind kind) => Add(new TraceEvent
    {
        Ordinal = 0,
        Kind = TraceEventKind.Mmio,
        Access = kind,
        Flags = AccessFlags.Mmio,
        Gva = gva,
        L2Gpa = NestedPaging ? gva : null,
        Gpa = device,
        Size = 4,
    });

    /// <summary>L2 writes an entry of one of its tables, or of L1's if these are mapped to it.</summary>
    public void L2Store(Found found, ulong value)
    {
        _entries[found.Gpa & ~7UL] = value;
        Add(new TraceEvent
        {
            Ordinal = 0,
            Kind = TraceEventKind.PageTableStore,
            Gva = found.Gva,
            L2Gpa = NestedPaging ? found.L2Gpa : null,
            Gpa = found.Gpa,
            Size = 8,
            Value = value,
            Flags = AccessFlags.None,
        });
    }

    public void L2PageFault(ulong gva, uint errorCode, AccessKind kind) =>
        Add(new TraceEvent { Ordinal = 0, Kind = TraceEventKind.GuestPageFault, Access = kind, Flags = AccessFlags.None, Gva = gva, ErrorCode = errorCode });

    /// <summary>Walks for an access of L2's, a supervisor's.</summary>
    public Found Walk(ulong gva, AccessKind kind)
    {
        var table = L2Cr3 & ~0xfffUL;
        var rights = ulong.MaxValue;
        for (var level = 4; ; level--)
        {
            var at = table + ((gva >> (12 + (9 * (level - 1))) & 511) * 8);
            if (!Translate(at, AccessKind.Write, isTable: true, out var l1, out var nested))
                return new Found(gva, at, 0, FaultKind.Nested, nested);
            var entry = _entries[l1];
            if ((entry & Present) == 0)
                return new Found(gva, 0, 0, FaultKind.Own, Code(0, kind));
            rights &= entry;
            var isLeaf = level == 1 || (level < 4 && (entry & Large) != 0);
            if (!isLeaf)
            {
                table = entry & 0xf_ffff_ffff_f000;
                continue;
            }

            if (kind == AccessKind.Write && (rights & Writable) == 0)
                return new Found(gva, 0, 0, FaultKind.Own, Code(Present, kind));
            var mask = (1UL << (12 + (9 * (level - 1)))) - 1;
            var l2Gpa = (entry & 0xf_ffff_ffff_f000 & ~mask) | (gva & mask);
            return Translate(l2Gpa, kind, isTable: false, out var gpa, out nested)
                ? new Found(gva, l2Gpa, gpa, FaultKind.None, 0)
                : new Found(gva, l2Gpa, 0, FaultKind.Nested, nested);
        }
    }

    protected virtual NestedEntry Entry() => new()
    {
        NestedControl = NestedPaging ? 1u : 0,
        NestedCr3 = NestedCr3,
        Asid = Asid,
        TlbControl = TlbControl,
        Cr0 = 0x8001_0033,
        Cr3 = L2Cr3,
        Cr4 = 0xb0,
        Efer = _efer,
        InterceptExceptions = InterceptsPageFaults ? 1u << 14 : 0,
    };

    /// <summary>Through the tables that L1 made.</summary>
    /// <returns>False: they do not allow it; the code is what L1 is told.</returns>
    protected virtual bool Translate(ulong gpa, AccessKind kind, bool isTable, out ulong l1, out ulong code)
    {
        var whose = isTable ? 1UL << 33 : 1UL << 32;
        l1 = gpa;
        code = 0;
        if (!NestedPaging)
            return true;
        var table = NestedCr3;
        var rights = ulong.MaxValue;
        var noExecute = 0UL;
        for (var level = 4; ; level--)
        {
            var entry = _entries[table + ((gpa >> (12 + (9 * (level - 1))) & 511) * 8)];
            if ((entry & Present) == 0)
            {
                code = Code(User, kind) | whose;
                return false;
            }

            rights &= entry;
            noExecute |= entry & NoExecute;
            if (level > 1 && (level == 4 || (entry & Large) == 0))
            {
                table = entry & 0xf_ffff_ffff_f000;
                continue;
            }

            var denied = (rights & User) == 0 || (kind == AccessKind.Write && (rights & Writable) == 0) || (kind == AccessKind.Fetch && noExecute != 0);
            code = Code(Present | User, kind) | whose;
            var mask = (1UL << (12 + (9 * (level - 1)))) - 1;
            l1 = (entry & 0xf_ffff_ffff_f000 & ~mask) | (gpa & mask);
            return !denied;
        }
    }

    private static ulong Code(ulong bits, AccessKind kind) => bits | kind switch { AccessKind.Write => 2UL, AccessKind.Fetch => 16UL, _ => 0UL };

    protected void Add(TraceEvent row)
    {
        _chunk.Clear();
        _chunk.Events.Add(row with { Ordinal = _ordinal++ });
        _session.Process(_chunk);
    }

    internal enum FaultKind
    {
        None,

        /// <summary>L2's own tables.</summary>
        Own,

        /// <summary>L1's tables for L2.</summary>
        Nested,
    }

    /// <summary>Where a walk ended.</summary>
    internal readonly record struct Found(ulong Gva, ulong L2Gpa, ulong Gpa, FaultKind Fault, ulong Code);
}
