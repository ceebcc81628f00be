using System.Text.Json;
using Replay.Trace;

namespace Replay.Analyzer.Conformance;

/// <summary>
/// How the vCPUs of a case take turns: exactly one runs at a time, and a store of its to another's word gives the turn to that one.
/// </summary>
/// <param name="First">Has the first turn.</param>
/// <param name="WordsAt">Guest-physical address of vCPU 0's word.</param>
/// <param name="Stride">Bytes from word to word.</param>
public sealed record TurnRule(byte First, ulong WordsAt, ulong Stride)
{
    /// <exception cref="FormatException">A number cannot be one.</exception>
    internal static TurnRule Read(JsonElement turns)
    {
        var rule = new TurnRule(
            turns.GetProperty("first").GetByte(), Convert.ToUInt64(turns.GetProperty("words_at").GetString(), 16), turns.GetProperty("stride").GetUInt64());
        return rule.Stride is > 0 and <= 4096 ? rule : throw new FormatException($"turns: a stride of {rule.Stride}");
    }

    /// <summary>The vCPU to whose word an access goes; below 0: to none's.</summary>
    internal int OwnerOf(ulong gpa, int vcpus) =>
        gpa >= WordsAt && (gpa - WordsAt) / Stride < (ulong)vcpus ? (int)((gpa - WordsAt) / Stride) : -1;
}

/// <summary>A vCPU's turn begins.</summary>
/// <param name="Vcpu">Whose.</param>
/// <param name="Rip">The instruction it goes on with.</param>
/// <param name="Ordinal">The first thing it does.</param>
internal readonly record struct VcpuTurn(byte Vcpu, ulong Rip, long Ordinal);

/// <summary>
/// A recording of several vCPUs without what they did while they waited: what remains is what vCPUs do of which one runs at a time.
/// A turn begins with the read of the vCPU's own word; what it did between that and the store that gave it the turn was waiting too.
/// On the real machine it does not wait: it goes on behind the instruction that gave its turn away, with the first such read, which
/// need not be the instruction of the one that ended its waiting.
/// Each chunk holds one turn at most.
/// </summary>
/// <param name="source">The recording.</param>
/// <param name="rule">How turns are given.</param>
/// <param name="entry">Where a vCPU begins with its first turn.</param>
internal sealed class TurnSource(ITraceSource source, TurnRule rule, ulong entry) : ITraceSource
{
    private readonly TraceChunk _chunk = new();
    private readonly HashSet<byte> _hasRun = [rule.First];

    /// <summary>The instruction with which each vCPU that gave its turn away goes on: its first read of its own word since.</summary>
    private readonly Dictionary<byte, ulong> _behindTurn = [];
    private int _access;
    private int _event;
    private byte _holder = rule.First;
    private bool _isWaiting;

    public CaptureManifest Manifest => source.Manifest;

    /// <summary>The turn that begins with the chunk read last; null: it goes on with the turn before.</summary>
    public VcpuTurn? Begun { get; private set; }

    public bool TryRead(TraceChunk chunk)
    {
        chunk.Clear();
        Begun = null;
        do
        {
            if (Fill(chunk))
                return true;
            if (chunk.AccessCount + chunk.Events.Count > 0)
            {
                Next();
                return true;
            }
        }
        while (Next());
        return false;
    }

    /// <summary>The next of the recording's chunks; false at its end.</summary>
    private bool Next()
    {
        _access = _event = 0;
        if (source.TryRead(_chunk))
            return true;
        _chunk.Clear();
        return false;
    }

    /// <summary>Copies what the holder does, in order.</summary>
    /// <returns>A turn is over; otherwise the recording's chunk is.</returns>
    private bool Fill(TraceChunk chunk)
    {
        chunk.HasRips = _chunk.HasRips;
        while (_access < _chunk.AccessCount || _event < _chunk.Events.Count)
        {
            var isAccess = _event == _chunk.Events.Count
                || (_access < _chunk.AccessCount && _chunk.Ordinals[_access] < _chunk.Events[_event].Ordinal);
            if (isAccess ? FillAccess(chunk) : FillEvent(chunk))
                return true;
        }

        return false;
    }

    private bool FillAccess(TraceChunk chunk)
    {
        var i = _access;
        var kind = (AccessKind)_chunk.Kinds[i];
        var vcpu = _chunk.Vcpus[i];
        var owner = rule.OwnerOf(_chunk.Gpas[i], Manifest.Vcpus);
        if (owner == vcpu && kind == AccessKind.Read && !Runs(vcpu))
            _behindTurn.TryAdd(vcpu, _chunk.Rips[i]);
        if (_isWaiting && vcpu == _holder && owner == _holder && kind == AccessKind.Read)
        {
            // What is told of the machine meanwhile comes before the turn.
            if (chunk.Events.Count > 0)
                return true;
            _isWaiting = false;
            Begun = new VcpuTurn(vcpu, _hasRun.Add(vcpu) ? entry : _behindTurn[vcpu], _chunk.Ordinals[i]);
        }

        _access++;
        if (!Runs(vcpu))
            return false;
        chunk.Add(_chunk.Ordinals[i], vcpu, kind, (AccessFlags)_chunk.Flags[i], _chunk.Gvas[i], _chunk.Gpas[i], _chunk.Sizes[i], chunk.HasRips ? _chunk.Rips[i] : 0);
        return kind == AccessKind.Write && TryPass(owner);
    }

    private bool FillEvent(TraceChunk chunk)
    {
        var row = _chunk.Events[_event];
        var owner = row.Gpa is { } gpa && row.Kind == TraceEventKind.PageTableStore ? rule.OwnerOf(gpa, Manifest.Vcpus) : -1;
        var isDone = IsDone(row.Kind);
        _event++;
        if (isDone && !Runs(row.Vcpu))
            return false;
        chunk.Events.Add(row);
        return isDone && TryPass(owner);
    }

    /// <summary>A vCPU does it; the rest is told of the machine: content of pages, registers at the start, what the host does.</summary>
    private static bool IsDone(TraceEventKind kind) => kind is not (TraceEventKind.PageImage or TraceEventKind.VcpuState or TraceEventKind.Memslot or TraceEventKind.Lost
        or TraceEventKind.HostInvalidate or TraceEventKind.HostChangePte or TraceEventKind.HostAge
        or TraceEventKind.DirtyLogOn or TraceEventKind.DirtyLogOff or TraceEventKind.DirtyLogGet);

    /// <summary>It has the turn, and has seen that it has.</summary>
    private bool Runs(byte vcpu) => vcpu == _holder && !_isWaiting;

    private bool TryPass(int owner)
    {
        if (owner < 0 || owner == _holder)
            return false;
        _behindTurn.Remove(_holder);
        _holder = (byte)owner;
        _isWaiting = true;
        return true;
    }
}
