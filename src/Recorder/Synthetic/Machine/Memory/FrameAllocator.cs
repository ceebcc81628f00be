using Replay.Trace;

namespace Replay.Recorder.Synthetic.Machine;

/// <summary>
/// Hands out guest frames: single ones from the bottom of memory, aligned runs for large pages from its top, what was freed first and
/// last freed first, so that a former page table soon serves as data and the other way round.
/// </summary>
public sealed class FrameAllocator
{
    private readonly Stack<Gfn> _free = new();
    private readonly Dictionary<ulong, Stack<Gfn>> _freeRuns = [];
    private readonly Dictionary<Gfn, int> _shares = [];
    private readonly MachineMemory _memory;
    private ulong _next = GuestLayout.FirstFree;
    private ulong _lowTop;
    private ulong _highNext = MachineMemory.HighBase;
    private ulong _highTop;

    public FrameAllocator(MachineMemory memory)
    {
        _memory = memory;
        _lowTop = memory.LowBytes;
        _highTop = MachineMemory.HighBase + memory.HighBytes;
    }

    /// <summary>One frame, with one user.</summary>
    /// <exception cref="WorkloadUsageException">Guest memory is used up.</exception>
    public Gfn Allocate()
    {
        if (_free.TryPop(out var gfn))
            return gfn;
        if (_next < _lowTop)
        {
            gfn = new Gfn(_next >> 12);
            _next += 4096;
            return gfn;
        }
        if (_highNext >= _highTop)
            throw OutOfMemory();
        gfn = new Gfn(_highNext >> 12);
        _highNext += 4096;
        return gfn;
    }

    /// <summary>A run of <paramref name="bytes"/> (a power of two) at a multiple of its length.</summary>
    /// <exception cref="WorkloadUsageException">Guest memory is used up.</exception>
    public Gfn AllocateRun(ulong bytes)
    {
        if (_freeRuns.TryGetValue(bytes, out var runs) && runs.TryPop(out var gfn))
            return gfn;
        if (TryCut(ref _highTop, _highNext, bytes, out gfn) || TryCut(ref _lowTop, _next, bytes, out gfn))
            return gfn;
        throw OutOfMemory();
    }

    /// <summary>One more user of a frame or run.</summary>
    public void Share(Gfn gfn) => _shares[gfn] = _shares.GetValueOrDefault(gfn) + 1;

    public bool IsShared(Gfn gfn) => _shares.ContainsKey(gfn);

    /// <summary>One user less; true when that was the last and the frame is free.</summary>
    public bool Free(Gfn gfn)
    {
        if (LosesShare(gfn))
            return false;
        _free.Push(gfn);
        return true;
    }

    /// <summary>One user of a run less; true when that was the last and the run is free.</summary>
    public bool FreeRun(Gfn gfn, ulong bytes)
    {
        if (LosesShare(gfn))
            return false;
        if (!_freeRuns.TryGetValue(bytes, out var runs))
            _freeRuns[bytes] = runs = new Stack<Gfn>();
        runs.Push(gfn);
        return true;
    }

    // What alignment leaves over at the top is not used again: memory is cheap here, it is sparse.
    private static bool TryCut(ref ulong top, ulong floor, ulong bytes, out Gfn gfn)
    {
        var start = top < bytes ? 0 : (top - bytes) & ~(bytes - 1);
        gfn = new Gfn(start >> 12);
        if (start < floor)
            return false;
        top = start;
        return true;
    }

    private bool LosesShare(Gfn gfn)
    {
        if (!_shares.TryGetValue(gfn, out var shares))
            return false;
        if (shares == 1)
            _shares.Remove(gfn);
        else
            _shares[gfn] = shares - 1;
        return true;
    }

    private WorkloadUsageException OutOfMemory()
        => new($"The guest used up its {_memory.Bytes >> 20} MiB of memory: raise the knob memory, or lower pages.");
}

/// <summary>A set of guest frames, one bit each.</summary>
internal sealed class FrameSet
{
    private ulong[] _words = [];

    public bool Contains(Gfn gfn)
    {
        var word = gfn.Value >> 6;
        return word < (ulong)_words.Length && (_words[word] & (1UL << (int)(gfn.Value & 63))) != 0;
    }

    /// <summary>False when it was a member already.</summary>
    public bool Add(Gfn gfn)
    {
        if (Contains(gfn))
            return false;
        var word = (int)(gfn.Value >> 6);
        if (word >= _words.Length)
            Array.Resize(ref _words, Math.Max(word + 1, _words.Length * 2));
        _words[word] |= 1UL << (int)(gfn.Value & 63);
        return true;
    }
}
