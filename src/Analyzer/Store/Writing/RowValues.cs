using System.Runtime.CompilerServices;
using Replay.Replayer.History;

namespace Replay.Analyzer.Store;

/// <summary>The columns of one row, in the order of <see cref="IRowLayout{T}.Columns"/>: integers and NULLs.</summary>
internal ref struct RowValues(Span<long> room, int run, EntryClassifier entries)
{
    /// <summary>No table of records has more columns.</summary>
    public const int MaxColumns = 24;

    private readonly Span<long> _values = room;
    private int _count;

    /// <summary>The run that the rows belong to.</summary>
    public readonly int Run => run;

    public readonly EntryClassifier Entries => entries;

    public readonly ReadOnlySpan<long> Values => _values[.._count];

    /// <summary>Bit n: column n is NULL.</summary>
    public uint Nulls { get; private set; }

    public void Clear()
    {
        _count = 0;
        Nulls = 0;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Add(long value) => _values[_count++] = value;

    /// <summary>A 64-bit pattern: above 2^63 it becomes negative.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Add(ulong value) => Add(unchecked((long)value));

    /// <summary>A 64-bit pattern that the source of an observed run may not show.</summary>
    public void AddSeen(ulong value)
    {
        if (value == Unseen.Word && entries.HasGaps)
            AddNull();
        else
            Add(value);
    }

    /// <summary>The same for a small number.</summary>
    public void AddSeen(byte value)
    {
        if (value == Unseen.Byte && entries.HasGaps)
            AddNull();
        else
            Add((long)value);
    }

    public void AddNull()
    {
        Nulls |= 1u << _count;
        Add(0L);
    }

    /// <summary>NULL: the host's own doing, or not known.</summary>
    public void AddContext(GuestContext context)
    {
        if (context == GuestContext.Unknown)
            AddNull();
        else
            Add((long)context);
    }

    /// <summary>An id, where the model's -1 means that there is none.</summary>
    public void AddId(int id)
    {
        if (id >= 0)
            Add((long)id);
        else
            AddNull();
    }
}
