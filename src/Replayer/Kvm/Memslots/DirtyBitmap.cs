namespace Replay.Replayer.Kvm;

/// <summary>One bit a page of a memslot: written since the log was last read.</summary>
public sealed class DirtyBitmap(ulong pageCount)
{
    private readonly ulong[] _words = new ulong[(pageCount + 63) / 64];

    /// <summary>64 pages a word, bit 0 the lowest gfn.</summary>
    public ReadOnlySpan<ulong> Words => _words;

    public void Set(ulong page) => _words[page >> 6] |= 1UL << (int)(page & 63);

    public bool Get(ulong page) => (_words[page >> 6] >> (int)(page & 63) & 1) != 0;

    /// <summary>Every page counts as written.</summary>
    public void SetAll()
    {
        Array.Fill(_words, ulong.MaxValue);
        if (pageCount % 64 != 0)
            _words[^1] = (1UL << (int)(pageCount % 64)) - 1;
    }

    /// <summary>Reads some bits of a word and clears them.</summary>
    public ulong Take(int word, ulong mask)
    {
        var value = _words[word] & mask;
        _words[word] &= ~mask;
        return value;
    }

    /// <summary>Reads a word and clears it.</summary>
    public ulong Take(int word) => Take(word, ulong.MaxValue);
}
