using System.Runtime.CompilerServices;
using Replay.Trace;

namespace Replay.Recorder.Synthetic.Machine;

/// <summary>
/// A computer without devices: memory, vCPUs that translate as the manuals say, and a recorder on everything they do. It has no TLB that
/// could be seen: every access is translated as if walked anew. The walker sets A and D bits in memory; as in a recording of a real
/// guest its own reads and writes are not in the stream.
/// </summary>
public sealed class GuestMachine
{
    private const int CacheEntries = 4096;

    private readonly FrameSet _tables = new();
    private readonly PageWalker _walker;

    public GuestMachine(ulong memoryBytes, int vcpus)
    {
        Memory = new MachineMemory(memoryBytes);
        Vcpus = [.. Enumerable.Range(0, vcpus).Select(i => new Vcpu((byte)i, CacheEntries))];
        _walker = new PageWalker(Memory, SeeTable);
    }

    public MachineMemory Memory { get; }

    public IReadOnlyList<Vcpu> Vcpus { get; }

    public StreamRecorder Stream { get; } = new();

    /// <summary>Whether a page has served as a page table: from then on every store to it is recorded with its value.</summary>
    public bool IsTable(Gfn gfn) => _tables.Contains(gfn);

    /// <summary>
    /// One access that stays within a page. A write stores what is there already: the recording says nothing of data, only of tables.
    /// </summary>
    /// <returns>False: a #PF, see <see cref="Vcpu.Cr2"/> and <see cref="Vcpu.FaultError"/>; nothing is recorded of it yet.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool Access(Vcpu vcpu, AccessKind kind, ulong gva, int size)
    {
        var privilege = vcpu.Privilege;
        if (!vcpu.Cache.TryGet(gva, kind, privilege, out var gpa))
            return AccessSlow(vcpu, kind, privilege, gva, size, value: null);
        Stream.Access(vcpu, kind, privilege, gva, gpa, size);
        return true;
    }

    /// <summary>A write of 1, 2, 4 or 8 aligned bytes whose value reaches memory.</summary>
    public bool Store(Vcpu vcpu, ulong gva, int size, ulong value)
    {
        var privilege = vcpu.Privilege;
        if (!vcpu.Cache.TryGet(gva, AccessKind.Write, privilege, out var gpa))
            return AccessSlow(vcpu, AccessKind.Write, privilege, gva, size, value);
        Stream.Access(vcpu, AccessKind.Write, privilege, gva, gpa, size);
        Memory.Write(new Gpa(gpa), size, value);
        return true;
    }

    /// <summary>A read of 1, 2, 4 or 8 aligned bytes.</summary>
    public bool Load(Vcpu vcpu, ulong gva, int size, out ulong value)
    {
        var privilege = vcpu.Privilege;
        value = 0;
        if (vcpu.Cache.TryGet(gva, AccessKind.Read, privilege, out var gpa))
            Stream.Access(vcpu, AccessKind.Read, privilege, gva, gpa, size);
        else if (!AccessSlow(vcpu, AccessKind.Read, privilege, gva, size, value: null))
            return false;
        else if (!_walker.Translate(vcpu, AccessKind.Read, privilege, gva, out gpa))
            return false;
        value = Memory.Read(new Gpa(gpa), size);
        return true;
    }

    /// <summary>Where an access would go, its walk done (A and D bits set, tables seen) but nothing accessed.</summary>
    /// <returns>False: it would fault.</returns>
    public bool Probe(Vcpu vcpu, AccessKind kind, ulong gva, out Gpa gpa)
    {
        var reaches = _walker.Translate(vcpu, kind, vcpu.Privilege, gva, out var address);
        gpa = new Gpa(address);
        return reaches;
    }

    /// <summary>Execution goes on at <paramref name="rip"/>: a fetch where that is another page than before.</summary>
    public bool Execute(Vcpu vcpu, ulong rip)
    {
        vcpu.Rip = rip;
        var page = rip >> 12;
        if (vcpu.FetchPage == page)
            return true;
        if (!Access(vcpu, AccessKind.Fetch, rip, 4))
            return false;
        vcpu.FetchPage = page;
        return true;
    }

    public void WriteCr0(Vcpu vcpu, ulong value)
    {
        var turnsOn = (value & ~vcpu.Cr0 & ControlBits.Cr0Pg) != 0;
        if (turnsOn)
            SeeTable(vcpu, new Gfn((vcpu.Cr3 & PageWalker.Cr3AddressMask) >> 12));
        Control(vcpu, TraceEventKind.Cr0Write, value);
        vcpu.Cr0 = value;
        AfterControl(vcpu);
    }

    /// <param name="vcpu">Whose register.</param>
    /// <param name="value">Table address, PCID, and bit 63 where the load shall not flush.</param>
    public void WriteCr3(Vcpu vcpu, ulong value)
    {
        if (vcpu.Format.Mode != SyntheticPaging.Off)
            SeeTable(vcpu, new Gfn((value & PageWalker.Cr3AddressMask) >> 12));
        Control(vcpu, TraceEventKind.Cr3Write, value);
        vcpu.Cr3 = value & ~ControlBits.Cr3NoFlush;
        AfterControl(vcpu);
    }

    public void WriteCr4(Vcpu vcpu, ulong value)
    {
        Control(vcpu, TraceEventKind.Cr4Write, value);
        vcpu.Cr4 = value;
        AfterControl(vcpu);
    }

    public void WriteEfer(Vcpu vcpu, ulong value)
    {
        Control(vcpu, TraceEventKind.EferWrite, value);
        vcpu.Efer = (value & ~ControlBits.EferLma) | (vcpu.Efer & ControlBits.EferLma);
        AfterControl(vcpu);
    }

    public void WritePkru(Vcpu vcpu, uint value)
    {
        Control(vcpu, TraceEventKind.PkruWrite, value);
        vcpu.Pkru = value;
        vcpu.Cache.Empty();
    }

    public void Invlpg(Vcpu vcpu, ulong gva)
    {
        Stream.Event(new TraceEvent { Ordinal = 0, Kind = TraceEventKind.Invlpg, Vcpu = vcpu.Index, Gva = gva, Rip = vcpu.Rip });
        vcpu.Cache.Empty();
    }

    /// <param name="vcpu">Who executes it.</param>
    /// <param name="type">0 one address of a PCID, 1 a PCID, 2 everything with globals, 3 everything without.</param>
    /// <param name="pcid">0 where the type needs none.</param>
    /// <param name="gva">0 where the type needs none.</param>
    public void Invpcid(Vcpu vcpu, int type, uint pcid, ulong gva)
    {
        Stream.Event(new TraceEvent
        {
            Ordinal = 0,
            Kind = TraceEventKind.Invpcid,
            Vcpu = vcpu.Index,
            Value = (ulong)type,
            ErrorCode = pcid,
            Gva = gva,
            Rip = vcpu.Rip,
        });
        vcpu.Cache.Empty();
    }

    public void LoadIdt(Vcpu vcpu, ulong gva, uint limit)
    {
        vcpu.IdtBase = gva;
        Descriptor(vcpu, TraceEventKind.Lidt, gva, limit);
    }

    public void LoadGdt(Vcpu vcpu, ulong gva, uint limit)
    {
        vcpu.GdtBase = gva;
        Descriptor(vcpu, TraceEventKind.Lgdt, gva, limit);
    }

    public void LoadTask(Vcpu vcpu, ulong gva, uint limit)
    {
        vcpu.TssBase = gva;
        Descriptor(vcpu, TraceEventKind.Ltr, gva, limit);
    }

    /// <summary>The guest writes a byte to the marker port.</summary>
    public void Mark(Vcpu vcpu, ulong value)
        => Stream.Event(new TraceEvent { Ordinal = 0, Kind = TraceEventKind.Marker, Vcpu = vcpu.Index, Value = value, Rip = vcpu.Rip });

    /// <summary>Something the host does to the VM: <paramref name="what"/> needs no ordinal.</summary>
    public void Host(TraceEvent what) => Stream.Event(what);

    public void SetMemslot(MemslotChange slot)
        => Host(new TraceEvent { Ordinal = 0, Kind = TraceEventKind.Memslot, Detail = EventDetail.Write(slot) });

    /// <summary>States the registers a vCPU starts with.</summary>
    public void Start(Vcpu vcpu, ulong rip)
    {
        vcpu.Rip = rip;
        vcpu.UpdateMode();
        var state = new VcpuState { Cr0 = vcpu.Cr0, Cr3 = vcpu.Cr3, Cr4 = vcpu.Cr4, Efer = vcpu.Efer, Rip = rip, Rflags = 2, Cpl = vcpu.Cpl };
        Host(new TraceEvent
        {
            Ordinal = 0,
            Kind = TraceEventKind.VcpuState,
            Vcpu = vcpu.Index,
            Detail = EventDetail.Write(state),
        });
    }

    /// <summary>
    /// An access of the CPU itself, at supervisor privilege whatever the CPL. Programs must keep what the CPU needs mapped.
    /// </summary>
    /// <exception cref="InvalidOperationException">The address is not mapped: on a real machine a double fault.</exception>
    internal void ImplicitAccess(Vcpu vcpu, AccessKind kind, ulong gva, int size)
    {
        if (!_walker.Translate(vcpu, kind, AccessFlags.Implicit, gva, out _))
            throw new InvalidOperationException($"The synthetic guest left its CPU without a mapping of 0x{gva:x}.");
        Stream.AccessEvent(new TraceEvent
        {
            Ordinal = 0,
            Kind = TraceEventKind.ImplicitAccess,
            Vcpu = vcpu.Index,
            Access = kind,
            Gva = gva,
            Size = (uint)size,
        });
    }

    private bool AccessSlow(Vcpu vcpu, AccessKind kind, AccessFlags privilege, ulong gva, int size, ulong? value)
    {
        if (!_walker.Translate(vcpu, kind, privilege, gva, out var address))
            return false;
        var gpa = new Gpa(address);
        if (!Memory.IsRam(gpa))
        {
            RecordEvent(TraceEventKind.Mmio, vcpu, privilege | AccessFlags.Mmio, gva, gpa, size, kind, value: null);
            return true;
        }
        if (kind == AccessKind.Write && IsTable(new Gfn(gpa.PageNumber)))
        {
            StoreToTable(vcpu, privilege, gva, gpa, size, value);
            return true;
        }
        Stream.Access(vcpu, kind, privilege, gva, address, size);
        if (value is { } stored)
            Memory.Write(gpa, size, stored);
        vcpu.Cache.Put(gva, kind, privilege, address);
        return true;
    }

    private void StoreToTable(Vcpu vcpu, AccessFlags privilege, ulong gva, Gpa gpa, int size, ulong? value)
    {
        // An event holds 8 bytes of value; wider stores count as several.
        for (var done = 0; done < size; done += 8)
        {
            var part = new Gpa(gpa.Value + (ulong)done);
            var bytes = Math.Min(size - done, 8);
            var stored = value ?? Memory.Read(part, bytes);
            RecordEvent(TraceEventKind.PageTableStore, vcpu, privilege, gva + (ulong)done, part, bytes, kind: null, stored);
            Memory.Write(part, bytes, stored);
        }
        EmptyCaches();
    }

    private void RecordEvent(
        TraceEventKind what, Vcpu vcpu, AccessFlags flags, ulong gva, Gpa gpa, int size, AccessKind? kind, ulong? value)
        => Stream.AccessEvent(new TraceEvent
        {
            Ordinal = 0,
            Kind = what,
            Vcpu = vcpu.Index,
            Access = kind,
            Flags = flags,
            Gva = gva,
            Gpa = gpa.Value,
            Size = (uint)size,
            Value = value,
            Rip = vcpu.Rip,
        });

    private void SeeTable(Vcpu vcpu, Gfn gfn)
    {
        if (!_tables.Add(gfn))
            return;
        Stream.Event(new TraceEvent
        {
            Ordinal = 0,
            Kind = TraceEventKind.PageImage,
            Vcpu = vcpu.Index,
            Gpa = gfn.Base.Value,
            Data = Memory.Image(gfn),
        });
        EmptyCaches();
    }

    private void Control(Vcpu vcpu, TraceEventKind kind, ulong value)
        => Stream.Event(new TraceEvent { Ordinal = 0, Kind = kind, Vcpu = vcpu.Index, Value = value, Rip = vcpu.Rip });

    private void Descriptor(Vcpu vcpu, TraceEventKind kind, ulong gva, uint limit)
        => Stream.Event(new TraceEvent { Ordinal = 0, Kind = kind, Vcpu = vcpu.Index, Value = gva, Size = limit });

    private void AfterControl(Vcpu vcpu)
    {
        vcpu.UpdateMode();
        if (vcpu.Format.Mode == SyntheticPaging.Pae)
            _walker.LoadPdptes(vcpu);
        vcpu.Cache.Empty();
        // The next instruction is fetched through what was just loaded.
        vcpu.FetchPage = ulong.MaxValue;
        Execute(vcpu, vcpu.Rip);
    }

    private void EmptyCaches()
    {
        foreach (var vcpu in Vcpus)
            vcpu.Cache.Empty();
    }
}
