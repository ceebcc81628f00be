using System.Runtime.InteropServices;
using Replay.Trace.Columns;

namespace Replay.Trace;

/// <summary>
/// A row group of plain accesses as it is encoded: pages and instructions by their numbers in dictionaries of the block's own. For a source that
/// knows when a page or an instruction repeats, which spares looking each of them up. Only the first <see cref="Count"/> elements of the arrays count.
/// </summary>
public sealed class AccessBlock
{
    /// <summary>The most accesses that a block has.</summary>
    public const int Capacity = TraceChunk.Capacity;

    private readonly PairDictionary _places = new(Capacity);
    private readonly ulong[] _rips = new ulong[Capacity];
    private readonly List<OrdinalRun> _runs = [];
    private int _ripCount;

    public int Count { get; private set; }

    public bool IsFull => Count == Capacity;

    /// <summary>Offsets in the page, in bytes.</summary>
    public ushort[] Offsets { get; } = new ushort[Capacity];

    /// <summary>Pages, as <see cref="PlaceOf"/> numbers them.</summary>
    public ushort[] Places { get; } = new ushort[Capacity];

    /// <summary>Instructions, as <see cref="AddRip"/> numbers them.</summary>
    public ushort[] Rips { get; } = new ushort[Capacity];

    /// <inheritdoc cref="TraceChunk.Sizes"/>
    public byte[] Sizes { get; } = new byte[Capacity];

    /// <inheritdoc cref="TraceChunk.Kinds"/>
    public byte[] Kinds { get; } = new byte[Capacity];

    /// <inheritdoc cref="TraceChunk.Flags"/>
    public byte[] Flags { get; } = new byte[Capacity];

    public byte[] Vcpus { get; } = new byte[Capacity];

    internal ReadOnlySpan<ulong> GvaPages => _places.First;

    internal ReadOnlySpan<ulong> GpaPages => _places.Second;

    internal ReadOnlySpan<ulong> RipEntries => _rips.AsSpan(0, _ripCount);

    /// <summary>The ordinals, in runs that follow one another.</summary>
    internal ReadOnlySpan<OrdinalRun> Runs => CollectionsMarshal.AsSpan(_runs);

    /// <summary>The run that a row is in.</summary>
    internal int RunOf(int row)
    {
        var low = 0;
        for (var high = _runs.Count - 1; low < high;)
        {
            var middle = (low + high + 1) / 2;
            if (_runs[middle].Row <= row)
                low = middle;
            else
                high = middle - 1;
        }
        return low;
    }

    internal long FirstOrdinal => _runs[0].Ordinal;

    internal long LastOrdinal => _runs[^1].Ordinal + (Count - 1 - _runs[^1].Row);

    /// <summary>The number of a guest-virtual page and the guest-physical page it is mapped to. At most one new number an access.</summary>
    public ushort PlaceOf(ulong gvaPage, ulong gpaPage) => _places.NumberOf(gvaPage, gpaPage);

    /// <summary>A new number for the address of an instruction. One that has a number already may get another. At most one an access.</summary>
    public ushort AddRip(ulong rip)
    {
        _rips[_ripCount] = rip;
        return (ushort)_ripCount++;
    }

    /// <summary>Says that rows <see cref="Count"/> and up, so many, are filled in, and have ordinals from <paramref name="ordinal"/> on.</summary>
    public void Append(int rows, long ordinal)
    {
        if (rows == 0)
            return;
        if (_runs.Count == 0 || ordinal != LastOrdinal + 1)
            _runs.Add(new OrdinalRun(Count, ordinal));
        Count += rows;
    }

    /// <summary>Forgets the content, keeps the arrays.</summary>
    public void Clear()
    {
        Count = 0;
        _ripCount = 0;
        _runs.Clear();
        _places.Clear();
    }
}
