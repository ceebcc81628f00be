using System.Runtime.InteropServices;
using Replay.Trace;

namespace Replay.Recorder.Qemu;

/// <summary>Turns the slots of the ring into chunks of accesses and events.</summary>
/// <param name="memory">Names the memslots that records only number.</param>
/// <param name="rips">Whether accesses keep the address of their instruction.</param>
internal sealed class RecordDecoder(MemoryMap memory, bool rips)
{
    /// <summary>Few enough to stay in the cache between one step and the next.</summary>
    private const int AccessesPerChunk = 4096;

    /// <summary>Enough events for a chunk; more only make it heavy.</summary>
    private const int EventsPerChunk = 8192;

    /// <summary>The chunk under way.</summary>
    public TraceChunk Chunk { get; } = new() { HasRips = rips };

    public long Accesses { get; private set; }

    public long Events { get; private set; }

    /// <summary>The chunk is to be written and cleared before more is decoded.</summary>
    public bool IsFull => Chunk.AccessCount == AccessesPerChunk || Chunk.Events.Count >= EventsPerChunk;

    /// <summary>Decodes whole records until the chunk is full or the slots end.</summary>
    /// <param name="slots">What the plugin has published; a record at its end may be cut off.</param>
    /// <returns>Slots used. 0: the chunk is full, or the one record at hand is not all there.</returns>
    public int Decode(ReadOnlySpan<WireSlot> slots)
    {
        var used = 0;
        while (!IsFull)
        {
            used += DecodeAccesses(slots[used..]);
            if (used == slots.Length || Chunk.AccessCount == AccessesPerChunk)
                break;
            var length = WireFormat.SlotsOf(slots[used].Type);
            if (length > slots.Length - used)
                break;
            Chunk.Events.Add(DecodeEvent(slots.Slice(used, length)));
            Events++;
            used += length;
        }
        return used;
    }

    /// <summary>The run of plain accesses at the start: a slot each, the bulk of every recording.</summary>
    private int DecodeAccesses(ReadOnlySpan<WireSlot> slots)
    {
        var start = Chunk.AccessCount;
        var count = SlotColumns.Spread(slots[..Math.Min(slots.Length, AccessesPerChunk - start)], Chunk, start, rips);
        Chunk.AccessCount = start + count;
        Accesses += count;
        return count;
    }

    private TraceEvent DecodeEvent(ReadOnlySpan<WireSlot> slots)
    {
        ref readonly var first = ref slots[0];
        if (first.Type is WireFormat.TypePageImage or WireFormat.TypePageImageZero)
        {
            return new TraceEvent
            {
                Ordinal = first.Ordinal,
                Vcpu = first.Vcpu,
                Kind = TraceEventKind.PageImage,
                Gpa = first.Gpa,
                Data = slots.Length > 1 ? MemoryMarshal.AsBytes(slots[1..]).ToArray() : null,
            };
        }
        if (first.Type == WireFormat.TypeVcpuState)
            return VcpuStateEvent(first, MemoryMarshal.AsRef<WireVcpuState>(MemoryMarshal.AsBytes(slots[1..])));
        return PlainEvent(first, MemoryMarshal.AsRef<WireEvent>(MemoryMarshal.AsBytes(slots[1..])));
    }

    private TraceEvent PlainEvent(in WireSlot slot, in WireEvent extra)
    {
        var kind = (TraceEventKind)(slot.Type & (WireFormat.EventBit - 1));
        var row = new TraceEvent { Ordinal = slot.Ordinal, Kind = kind, Vcpu = slot.Vcpu };
        uint? error = (extra.Present & WireFormat.HasErrorCode) != 0 ? extra.ErrorCode : null;
        var flags = (AccessFlags)slot.Flags | (extra.KeptFilter != 0 ? AccessFlags.KeptFilter : AccessFlags.None);
        return kind switch
        {
            TraceEventKind.PageTableStore => row with { Access = AccessKind.Write, Flags = flags, Gva = slot.Gva, Gpa = slot.Gpa, Size = slot.Size, Value = extra.Value, Rip = slot.Rip },
            TraceEventKind.Mmio => row with { Access = (AccessKind)extra.Access, Flags = flags, Gva = slot.Gva, Gpa = slot.Gpa, Size = slot.Size, Rip = slot.Rip },
            TraceEventKind.ImplicitAccess => row with { Access = (AccessKind)extra.Access, Flags = flags, Gva = slot.Gva, Size = extra.Size },
            TraceEventKind.Invlpg => row with { Gva = slot.Gva, Rip = slot.Rip },
            TraceEventKind.Invpcid => row with { Value = extra.Value, ErrorCode = extra.ErrorCode, Gva = slot.Gva, Rip = slot.Rip },
            TraceEventKind.GuestPageFault => row with { Gva = slot.Gva, ErrorCode = error, Rip = slot.Rip },
            TraceEventKind.Delivery => row with { Value = extra.Value, ErrorCode = error, Rip = slot.Rip },
            TraceEventKind.Lidt or TraceEventKind.Lgdt or TraceEventKind.Ltr => row with { Value = extra.Value, Size = extra.Size },
            TraceEventKind.Memslot => row with { Detail = EventDetail.Write(memory.Describe((int)slot.Gva, slot.Gpa, extra.Value)) },
            TraceEventKind.Cr0Write or TraceEventKind.Cr3Write or TraceEventKind.Cr4Write or TraceEventKind.EferWrite
                or TraceEventKind.PkruWrite => row with { Value = extra.Value, Rip = slot.Rip },
            TraceEventKind.Marker => row with { Value = extra.Value, Size = extra.Size == 0 ? null : extra.Size, Rip = slot.Rip },
            _ => throw new InvalidOperationException($"The plugin sent a record of type 0x{slot.Type:x2}, which wire version {WireFormat.Version} does not have."),
        };
    }

    private static TraceEvent VcpuStateEvent(in WireSlot slot, in WireVcpuState state)
    {
        var document = new VcpuState
        {
            Cr0 = state.Cr0,
            Cr2 = state.Cr2,
            Cr3 = state.Cr3,
            Cr4 = state.Cr4,
            Efer = state.Efer,
            Rip = slot.Rip,
            Rflags = state.Rflags,
            Cpl = (int)state.Cpl,
            Pkru = state.HasPkru != 0 ? state.Pkru : null,
        };
        return new TraceEvent { Ordinal = slot.Ordinal, Kind = TraceEventKind.VcpuState, Vcpu = slot.Vcpu, Detail = EventDetail.Write(document) };
    }
}
