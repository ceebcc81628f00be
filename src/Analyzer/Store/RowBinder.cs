using System.Runtime.CompilerServices;

namespace Replay.Analyzer.Store;

/// <summary>Binds the columns of one row after the other to a statement's parameters.</summary>
internal ref struct RowBinder(nint statement, int run, EntryClassifier entries)
{
    private int _parameter;

    /// <summary>The run that the rows belong to.</summary>
    public readonly int Run => run;

    public readonly EntryClassifier Entries => entries;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Add(long value) => _ = NativeSqlite.BindInt64(statement, ++_parameter, value);

    /// <summary>A 64-bit pattern: above 2^63 it becomes negative.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Add(ulong value) => _ = NativeSqlite.BindInt64(statement, ++_parameter, unchecked((long)value));

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

    public void AddNull() => _ = NativeSqlite.BindNull(statement, ++_parameter);

    /// <summary>An id, where the model's -1 means that there is none.</summary>
    public void AddId(int id)
    {
        if (id >= 0)
            Add((long)id);
        else
            AddNull();
    }
}
