using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Replay.Trace.Touches;

/// <summary>
/// Finds which accesses of a row group a touch index must have. All others repeat one that it has, page, place, kind and privilege, since the last
/// gap in the ordinals (where an event stands) and the last access of another vCPU, and have not been replaced meanwhile in a
/// <see cref="TouchTable"/> that starts empty at each of these.
/// </summary>
/// <remarks>
/// Two sorts of repetitions are in it nevertheless, since what they are shows in those around them: the last fetch before a touch, and before a
/// stretch ends, which tells where execution is; and the write of a read-modify-write instruction whose read is a touch.
/// </remarks>
internal sealed class TouchFinder
{
    private const int GenerationShift = 6;
    private const ulong PageMask = ~0xfffUL;
    private const ulong FirstGeneration = 1UL << GenerationShift;
    private const ulong LastGeneration = 63UL << GenerationShift;

    private readonly Slot[] _slots = new Slot[TouchTable.Slots];
    private readonly int[] _rows = new int[TraceChunk.Capacity];
    private ulong _generation = FirstGeneration;
    private int _count;

    /// <summary>Of the row group looked at last, ascending.</summary>
    public ReadOnlySpan<int> Rows => _rows.AsSpan(0, _count);

    public void Find<TRows>(TRows rows)
        where TRows : struct, IAccessRows
    {
        _count = 0;
        for (var from = 0; from < rows.Count;)
        {
            var gap = rows.EndOfOrdinals(from);
            while (from < gap)
            {
                var end = EndOfVcpu(rows.Vcpus, from, gap);
                FindOf(rows, from, end, gap);
                from = end;
            }
        }
    }

    private static int EndOfVcpu(ReadOnlySpan<byte> vcpus, int from, int to)
    {
        var length = vcpus[from..to].IndexOfAnyExcept(vcpus[from]);
        return length < 0 ? to : from + length;
    }

    private void FindOf<TRows>(TRows rows, int from, int to, int gap)
        where TRows : struct, IAccessRows
    {
        Forget();
        ref var slots = ref MemoryMarshal.GetArrayDataReference(_slots);
        ref var kinds = ref MemoryMarshal.GetReference(rows.Kinds);
        ref var flags = ref MemoryMarshal.GetReference(rows.Flags);
        var generation = _generation;
        var behind = from;
        var forced = -1;
        for (var i = from; i < to; i++)
        {
            var kindAndFlags = TouchTable.KindAndFlags(Unsafe.Add(ref kinds, i), Unsafe.Add(ref flags, i));
            var gva = rows.Gva(i);
            ref var slot = ref Unsafe.Add(ref slots, TouchTable.Slot(gva, kindAndFlags));
            var key = (gva & PageMask) | generation | kindAndFlags;
            var gpa = rows.Gpa(i) & PageMask;
            var isHeld = slot.Key == key && slot.Gpa == gpa;
            if (isHeld && i != forced)
                continue;
            AddFetch(rows.Kinds, behind, i);
            _rows[_count++] = i;
            behind = i + 1;
            if (isHeld)
                continue;
            slot = new Slot(key, gpa);
            if (Unsafe.Add(ref kinds, i) != (byte)AccessKind.Read || !rows.HasRips)
                continue;
            // Some modes leave such a read to the write that follows. Where an event follows, it may be that write.
            if (i + 1 == gap)
                slot = default;
            else if (i + 1 < to && rows.IsReadModifyWrite(i))
                (slot, forced) = (default, i + 1);
        }

        AddFetch(rows.Kinds, behind, to);
    }

    private void AddFetch(ReadOnlySpan<byte> kinds, int from, int to)
    {
        var last = kinds[from..to].LastIndexOf((byte)AccessKind.Fetch);
        if (last >= 0)
            _rows[_count++] = from + last;
    }

    private void Forget()
    {
        _generation += FirstGeneration;
        if (_generation <= LastGeneration)
            return;
        Array.Clear(_slots);
        _generation = FirstGeneration;
    }

    private readonly record struct Slot(ulong Key, ulong Gpa);
}

/// <summary>The accesses of a row group, however they are held.</summary>
internal interface IAccessRows
{
    int Count { get; }

    bool HasRips { get; }

    ReadOnlySpan<byte> Kinds { get; }

    ReadOnlySpan<byte> Flags { get; }

    ReadOnlySpan<byte> Vcpus { get; }

    ulong Gva(int row);

    ulong Gpa(int row);

    /// <summary>Behind the last row whose ordinal follows, one by one, that of another.</summary>
    int EndOfOrdinals(int from);

    /// <summary>The next row is the write of the same instruction to the same place.</summary>
    bool IsReadModifyWrite(int row);

    void CopyTo(TraceChunk chunk, int row);
}

/// <inheritdoc/>
internal readonly struct ChunkRows(TraceChunk chunk) : IAccessRows
{
    private readonly ulong[] _gvas = chunk.Gvas;
    private readonly ulong[] _gpas = chunk.Gpas;

    public int Count => chunk.AccessCount;

    public bool HasRips => chunk.HasRips;

    public ReadOnlySpan<byte> Kinds => chunk.Kinds;

    public ReadOnlySpan<byte> Flags => chunk.Flags;

    public ReadOnlySpan<byte> Vcpus => chunk.Vcpus;

    public ulong Gva(int row) => _gvas[row];

    public ulong Gpa(int row) => _gpas[row];

    public int EndOfOrdinals(int from)
    {
        var ordinals = chunk.Ordinals.AsSpan(from, chunk.AccessCount - from);
        var low = 1;
        var high = 2;
        for (; high <= ordinals.Length && ordinals[high - 1] == ordinals[0] + high - 1; high *= 2)
            low = high;
        // The first `low` are without a gap; whether `high` are is not known.
        high = Math.Min(high - 1, ordinals.Length);
        while (low < high)
        {
            var middle = (low + high + 1) / 2;
            if (ordinals[middle - 1] == ordinals[0] + middle - 1)
                low = middle;
            else
                high = middle - 1;
        }
        return from + low;
    }

    public bool IsReadModifyWrite(int row) =>
        chunk.Kinds[row + 1] == (byte)AccessKind.Write && chunk.Gvas[row + 1] == chunk.Gvas[row] && chunk.Rips[row + 1] == chunk.Rips[row] && chunk.Sizes[row + 1] == chunk.Sizes[row];

    public void CopyTo(TraceChunk into, int row) => into.AppendAccesses(chunk, row, 1);
}

/// <inheritdoc/>
internal readonly struct BlockRows(AccessBlock block, bool hasRips) : IAccessRows
{
    private readonly ushort[] _places = block.Places;
    private readonly ushort[] _offsets = block.Offsets;

    public int Count => block.Count;

    public bool HasRips => hasRips;

    public ReadOnlySpan<byte> Kinds => block.Kinds;

    public ReadOnlySpan<byte> Flags => block.Flags;

    public ReadOnlySpan<byte> Vcpus => block.Vcpus;

    public ulong Gva(int row) => (block.GvaPages[_places[row]] << 12) | _offsets[row];

    public ulong Gpa(int row) => (block.GpaPages[_places[row]] << 12) | _offsets[row];

    public int EndOfOrdinals(int from)
    {
        var run = block.RunOf(from);
        return run + 1 < block.Runs.Length ? block.Runs[run + 1].Row : block.Count;
    }

    public bool IsReadModifyWrite(int row) =>
        block.Kinds[row + 1] == (byte)AccessKind.Write && block.Places[row + 1] == block.Places[row] && block.Offsets[row + 1] == block.Offsets[row]
        && block.RipEntries[block.Rips[row + 1]] == block.RipEntries[block.Rips[row]] && block.Sizes[row + 1] == block.Sizes[row];

    public void CopyTo(TraceChunk into, int row)
    {
        var run = block.Runs[block.RunOf(row)];
        into.Add(
            run.Ordinal + row - run.Row,
            block.Vcpus[row],
            (AccessKind)block.Kinds[row],
            (AccessFlags)block.Flags[row],
            Gva(row),
            Gpa(row),
            block.Sizes[row],
            HasRips ? block.RipEntries[block.Rips[row]] : 0);
    }
}
