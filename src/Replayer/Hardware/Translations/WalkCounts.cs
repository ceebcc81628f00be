namespace Replay.Replayer.Hardware;

/// <summary>
/// Completed page walks by the entries they read, over at most a thousand equal stretches of ordinals: when more are needed, two become one.
/// </summary>
public sealed class WalkCounts
{
    private const int Stretches = 1024;
    private const int SmallestShift = 8;

    /// <summary>Beyond five guest levels, each over five of KVM's, and the page itself: no walk reads more.</summary>
    private const int KvmLimit = 32;

    private const int Sorts = 6 * KvmLimit;

    private readonly long[]?[] _stretches = new long[]?[Stretches];
    private int _shift = SmallestShift;

    /// <summary>All walks.</summary>
    public long Walks { get; private set; }

    /// <summary>Entries that they read.</summary>
    public long References { get; private set; }

    /// <summary>The counts, by ordinal and by references.</summary>
    public IReadOnlyList<WalkCount> All
    {
        get
        {
            var counts = new List<WalkCount>();
            for (var i = 0; i < Stretches; i++)
            {
                if (_stretches[i] is not { } stretch)
                    continue;
                for (var sort = 0; sort < Sorts; sort++)
                {
                    if (stretch[sort] > 0)
                        counts.Add(new WalkCount((long)i << _shift, sort / KvmLimit, sort % KvmLimit, stretch[sort]));
                }
            }

            return counts;
        }
    }

    internal void Count(long ordinal, int guestReferences, int kvmReferences)
    {
        while (ordinal >> _shift >= Stretches)
            Halve();
        var stretch = _stretches[ordinal >> _shift] ??= new long[Sorts];
        stretch[(Math.Min(guestReferences, 5) * KvmLimit) + Math.Min(kvmReferences, KvmLimit - 1)]++;
        Walks++;
        References += guestReferences + kvmReferences;
    }

    private void Halve()
    {
        _shift++;
        for (var i = 0; i < Stretches / 2; i++)
            _stretches[i] = Sum(_stretches[2 * i], _stretches[(2 * i) + 1]);
        Array.Clear(_stretches, Stretches / 2, Stretches / 2);
    }

    private static long[]? Sum(long[]? left, long[]? right)
    {
        if (left is null || right is null)
            return left ?? right;
        for (var sort = 0; sort < Sorts; sort++)
            left[sort] += right[sort];
        return left;
    }
}
