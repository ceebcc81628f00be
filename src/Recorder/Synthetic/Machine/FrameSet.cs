using Replay.Trace;

namespace Replay.Recorder.Synthetic.Machine;

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
