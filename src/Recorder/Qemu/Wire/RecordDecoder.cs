using System.Runtime.InteropServices;
using Replay.Trace;

namespace Replay.Recorder.Qemu;

/// <summary>Turns the words of the ring into accesses and events.</summary>
/// <param name="memory">Names the memslots that records only number.</param>
/// <param name="numbers">What words of accesses refer to.</param>
/// <param name="target">Takes the accesses, and the events when it is full.</param>
/// <param name="isWhole">Every ordinal is recorded.</param>
internal sealed class RecordDecoder(MemoryMap memory, WireNumbers numbers, AccessTarget target, bool isWhole)
{
    /// <summary>Enough events for a chunk; more only make it heavy.</summary>
    private const int MaxEvents = 8192;

    private const int PageShift = 12;

    private readonly List<TraceEvent> _events = [];

    /// <summary>The instruction of the access that follows, if it is told apart.</summary>
    private ulong? _rip;

    private long _next;

    public long Accesses { get; private set; }

    public long Events { get; private set; }

    /// <summary>#PFs of the guest, of the events.</summary>
    public long GuestPageFaults { get; private set; }

    /// <summary><see cref="Write"/> is to be called before more is decoded.</summary>
    public bool IsFull => target.IsFull || _events.Count >= MaxEvents;

    /// <inheritdoc cref="AccessTarget.WritesWhenIdle"/>
    public bool WritesWhenIdle => target.WritesWhenIdle;

    /// <summary>Decodes whole records until the target is full or the words end.</summary>
    /// <param name="words">What the plugin has published; a record at its end may be cut off.</param>
    /// <returns>Words used. 0: the target is full, or the one record at hand is not all there.</returns>
    public int Decode(ReadOnlySpan<ulong> words)
    {
        var used = 0;
        while (!IsFull)
        {
            used += DecodeAccesses(words[used..]);
            if (used == words.Length || target.IsFull)
                break;
            var length = WireFormat.WordsOf(WireHead.TypeOf(words[used]));
            if (length > words.Length - used)
                break;
            DecodeRecord(words.Slice(used, length));
            used += length;
        }
        return used;
    }

    /// <summary>Hands over accesses and events.</summary>
    public void Write()
    {
        target.Write(_events);
        _events.Clear();
    }

    /// <summary>The run of plain accesses at the start: a word each, the bulk of every full recording.</summary>
    private int DecodeAccesses(ReadOnlySpan<ulong> words)
    {
        var count = 0;
        if (_rip is { } rip && !words.IsEmpty && words[0] < WireWord.Limit)
        {
            target.Take(words[0], rip, _next);
            _rip = null;
            count = 1;
            if (target.IsFull)
                return Count(1);
        }
        return Count(count + target.Take(words[count..], _next + count));
    }

    private int Count(int accesses)
    {
        _next += accesses;
        Accesses += accesses;
        return accesses;
    }

    private void DecodeRecord(ReadOnlySpan<ulong> words)
    {
        var vcpu = WireHead.VcpuOf(words[0]);
        var number = WireHead.NumberOf(words[0]);
        numbers.Check(vcpu);
        switch (WireHead.TypeOf(words[0]))
        {
            case WireFormat.TypePlace:
                var place = numbers.PlaceOf(vcpu, number);
                if (numbers.SetPlace(place, words[1] >> PageShift, words[2] >> PageShift))
                    target.PlaceChanged(place);
                break;
            case WireFormat.TypeCodePage:
                numbers.SetCodePage(number, words[1]);
                target.CodePageChanged((int)number);
                break;
            case WireFormat.TypeRip:
                _rip = words[1];
                break;
            case WireFormat.TypeVcpu:
                numbers.Switch(vcpu);
                break;
            case >= WireFormat.TypeAccess and < WireFormat.TypePlace:
                ref readonly var access = ref HeadOf(words);
                target.Take(access, (AccessKind)(access.Type - WireFormat.TypeAccess));
                Accesses++;
                Follow(access.Ordinal);
                break;
            default:
                _events.Add(DecodeEvent(words));
                Events++;
                GuestPageFaults += _events[^1].Kind == TraceEventKind.GuestPageFault ? 1 : 0;
                Follow((long)number);
                break;
        }
    }

    /// <summary>The ordinals of words are counted here, and those of other records by the plugin.</summary>
    private void Follow(long ordinal)
    {
        if (ordinal < _next || (isWhole && ordinal != _next))
            throw WireFormat.Refused($"ordinal {ordinal} where {_next} was due");
        _next = ordinal + 1;
    }

    private static ref readonly WireHead HeadOf(ReadOnlySpan<ulong> words) => ref MemoryMarshal.AsRef<WireHead>(MemoryMarshal.AsBytes(words[..WireHead.Words]));

    private TraceEvent DecodeEvent(ReadOnlySpan<ulong> words)
    {
        ref readonly var first = ref HeadOf(words);
        var rest = MemoryMarshal.AsBytes(words[WireHead.Words..]);
        if (first.Type is WireFormat.TypePageImage or WireFormat.TypePageImageZero)
        {
            return new TraceEvent
            {
                Ordinal = first.Ordinal,
                Vcpu = first.Vcpu,
                Kind = TraceEventKind.PageImage,
                Gpa = first.Gpa,
                Data = rest.IsEmpty ? null : rest.ToArray(),
            };
        }
        if (first.Type < WireFormat.EventBits)
            throw UnknownType(first);
        if (first.Type == WireFormat.TypeVcpuState)
            return VcpuStateEvent(first, MemoryMarshal.AsRef<WireVcpuState>(rest));
        if (first.Type == WireFormat.TypeNestedEnter)
            return MemoryMarshal.AsRef<WireNestedEnter>(rest).Event(first);
        if (first.Type == WireFormat.TypeNestedExit)
            return MemoryMarshal.AsRef<WireNestedExit>(rest).Event(first);
        return PlainEvent(first, MemoryMarshal.AsRef<WireEvent>(rest));
    }

    private TraceEvent PlainEvent(in WireHead head, in WireEvent extra)
    {
        var kind = (TraceEventKind)(head.Type & ~WireFormat.EventBits);
        var row = new TraceEvent { Ordinal = head.Ordinal, Kind = kind, Vcpu = head.Vcpu, L2Gpa = (extra.Present & WireFormat.HasL2Gpa) != 0 ? extra.L2Gpa : null };
        uint? error = (extra.Present & WireFormat.HasErrorCode) != 0 ? extra.ErrorCode : null;
        var flags = (AccessFlags)head.Flags | (extra.KeptFilter != 0 ? AccessFlags.KeptFilter : AccessFlags.None) | ((StoreInstruction)(extra.Instruction & 3)).ToFlags();
        return kind switch
        {
            TraceEventKind.PageTableStore => row with { Access = AccessKind.Write, Flags = flags, Gva = head.Gva, Gpa = head.Gpa, Size = head.Size, Value = extra.Value, Rip = head.Rip },
            TraceEventKind.Mmio or TraceEventKind.NestedAccess => row with { Access = KindOf(extra), Flags = flags, Gva = head.Gva, Gpa = head.Gpa, Size = head.Size, Rip = head.Rip },
            TraceEventKind.ImplicitAccess => row with { Access = KindOf(extra), Flags = flags, Gva = head.Gva, Size = extra.Size },
            TraceEventKind.Invlpg => row with { Gva = head.Gva, Rip = head.Rip },
            TraceEventKind.Invlpga => row with { Value = extra.Value, Gva = head.Gva, Rip = head.Rip },
            TraceEventKind.Invpcid => row with { Value = extra.Value, ErrorCode = extra.ErrorCode, Gva = head.Gva, Rip = head.Rip },
            TraceEventKind.GuestPageFault => row with { Gva = head.Gva, ErrorCode = error, Rip = head.Rip },
            TraceEventKind.Delivery => row with { Value = extra.Value, ErrorCode = error, Rip = head.Rip },
            TraceEventKind.PageRelease => row with { Gpa = head.Gpa },
            TraceEventKind.Lidt or TraceEventKind.Lgdt or TraceEventKind.Ltr or TraceEventKind.Lldt => row with { Value = extra.Value, Size = extra.Size },
            TraceEventKind.Memslot => row with { Detail = EventDetail.Write(memory.Describe((int)head.Gva, head.Gpa, extra.Value)) },
            TraceEventKind.Cr0Write or TraceEventKind.Cr3Write or TraceEventKind.Cr4Write or TraceEventKind.EferWrite
                or TraceEventKind.PkruWrite => row with { Value = extra.Value, Rip = head.Rip },
            TraceEventKind.Marker => row with { Value = extra.Value, Size = extra.Size == 0 ? null : extra.Size, Rip = head.Rip },
            _ => throw UnknownType(head),
        };
    }

    private static AccessKind KindOf(in WireEvent extra) =>
        extra.Access <= (uint)AccessKind.Fetch ? (AccessKind)extra.Access : throw WireFormat.Refused($"an access of kind {extra.Access}");

    private static RecorderException UnknownType(in WireHead head) =>
        WireFormat.Refused($"a record of type 0x{head.Type:x2}, which wire version {WireFormat.Version} does not have");

    private static TraceEvent VcpuStateEvent(in WireHead head, in WireVcpuState state)
    {
        var document = new VcpuState
        {
            Cr0 = state.Cr0,
            Cr2 = state.Cr2,
            Cr3 = state.Cr3,
            Cr4 = state.Cr4,
            Efer = state.Efer,
            Rip = head.Rip,
            Rflags = state.Rflags,
            Cpl = (int)state.Cpl,
            Pkru = state.HasPkru != 0 ? state.Pkru : null,
        };
        return new TraceEvent { Ordinal = head.Ordinal, Kind = TraceEventKind.VcpuState, Vcpu = head.Vcpu, Detail = EventDetail.Write(document) };
    }
}
