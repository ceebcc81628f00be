using Replay.Trace.Touches;

namespace Replay.Trace;

/// <summary>
/// A stretch of the stream in columns: plain accesses to RAM, one array a column, and the events between them. Both are sorted by
/// ordinal, and no ordinal stands in both. Only the first <see cref="AccessCount"/> elements of the arrays count. A source that fills a
/// chunk may overwrite its arrays or exchange them: take them from the chunk anew after each read.
/// </summary>
/// <remarks>A source that was asked to may leave repetitions out: see <see cref="Touched"/>.</remarks>
public sealed class TraceChunk
{
    public const int Capacity = 65536;

    private TouchedRows _touched = new();
    private bool _isSparse;

    public int AccessCount { get; set; }

    /// <summary>Ordinal of each access. Not contiguous in a filtered capture: dropped accesses keep their ordinals.</summary>
    public long[] Ordinals { get; private set; } = new long[Capacity];

    public ulong[] Gvas { get; private set; } = new ulong[Capacity];

    /// <summary>The guest-physical address the source saw.</summary>
    public ulong[] Gpas { get; private set; } = new ulong[Capacity];

    /// <summary>Instruction addresses; meaningful only where <see cref="HasRips"/>.</summary>
    public ulong[] Rips { get; private set; } = new ulong[Capacity];

    public bool HasRips { get; set; }

    /// <summary>Bytes touched, 1 to 64; an access never crosses a 4 KiB page (the recorder splits those that do).</summary>
    public byte[] Sizes { get; private set; } = new byte[Capacity];

    /// <summary><see cref="AccessKind"/> of each access.</summary>
    public byte[] Kinds { get; private set; } = new byte[Capacity];

    /// <summary><see cref="AccessFlags"/> of each access.</summary>
    public byte[] Flags { get; private set; } = new byte[Capacity];

    public byte[] Vcpus { get; private set; } = new byte[Capacity];

    /// <summary>The events of this stretch, by ordinal.</summary>
    public List<TraceEvent> Events { get; private set; } = [];

    /// <summary>Null: every access of the stretch is here. Otherwise what is said of those that are not.</summary>
    public TouchedRows? Touched => _isSparse ? _touched : null;

    /// <summary>Accesses of the stretch, whether they are here or left out.</summary>
    public int RowCount => _isSparse ? _touched.Count : AccessCount;

    /// <summary>Ordinal of the last access of the stretch.</summary>
    internal long LastOrdinal => _isSparse ? _touched.LastOrdinal : Ordinals[AccessCount - 1];

    /// <summary>Forgets the content, keeps the arrays.</summary>
    public void Clear()
    {
        _isSparse = false;
        AccessCount = 0;
        Events.Clear();
    }

    /// <summary>Adds one access. For sources that make accesses one by one; bulk sources fill the columns.</summary>
    /// <exception cref="InvalidOperationException">The chunk is full.</exception>
    public void Add(long ordinal, byte vcpu, AccessKind kind, AccessFlags flags, ulong gva, ulong gpa, byte size, ulong rip = 0)
    {
        var i = AccessCount;
        if (i == Capacity)
            throw new InvalidOperationException("The chunk is full.");
        Ordinals[i] = ordinal;
        Vcpus[i] = vcpu;
        Kinds[i] = (byte)kind;
        Flags[i] = (byte)flags;
        Gvas[i] = gva;
        Gpas[i] = gpa;
        Sizes[i] = size;
        Rips[i] = rip;
        AccessCount = i + 1;
    }

    /// <summary>
    /// The first access, from <paramref name="from"/> on, that is not before an ordinal; <see cref="AccessCount"/> where all are. Looks in ever
    /// longer steps: an event is seldom far from the last.
    /// </summary>
    public int FirstAccessFrom(int from, long ordinal)
    {
        var ordinals = Ordinals.AsSpan(from, AccessCount - from);
        var step = 1;
        while (step <= ordinals.Length && ordinals[step - 1] < ordinal)
            step *= 2;
        var low = step / 2;
        var found = ordinals[low..Math.Min(step, ordinals.Length)].BinarySearch(ordinal);
        return from + low + (found < 0 ? ~found : found);
    }

    /// <summary>Behind the last access, before <paramref name="to"/>, that access <paramref name="from"/>'s vCPU makes without another between.</summary>
    public int EndOfVcpuRun(int from, int to)
    {
        var length = Vcpus.AsSpan(from, to - from).IndexOfAnyExcept(Vcpus[from]);
        return length < 0 ? to : from + length;
    }

    /// <summary>Makes the arrays, whose content is lost, long enough for more rows than a chunk holds.</summary>
    internal void MakeRoom(int rows)
    {
        if (Ordinals.Length >= rows)
            return;
        Ordinals = new long[rows];
        Gvas = new ulong[rows];
        Gpas = new ulong[rows];
        Rips = new ulong[rows];
        Sizes = new byte[rows];
        Kinds = new byte[rows];
        Flags = new byte[rows];
        Vcpus = new byte[rows];
    }

    /// <summary>Reads the accesses that were left out as well, and the rest of their row group before the end of the stretch. From any thread.</summary>
    /// <param name="into">Gets all of them, and the events of this chunk.</param>
    /// <exception cref="CaptureFormatException">The capture is damaged, or its index is wrong.</exception>
    public void ExpandInto(TraceChunk into)
    {
        ArgumentNullException.ThrowIfNull(into);
        if (!_isSparse)
            throw new InvalidOperationException("Nothing is left out.");
        _touched.Group.Source.Read(this, _touched, into);
        into.AccessCount = _touched.End;
        into.Events.AddRange(Events);
    }

    /// <summary>Says that accesses are left out, and gives what is to be filled in of them.</summary>
    internal TouchedRows MakeSparse()
    {
        _isSparse = true;
        return _touched;
    }

    /// <summary>Exchanges the content of two chunks, arrays and all, so that a stretch decoded elsewhere costs no copy.</summary>
    internal void Swap(TraceChunk other)
    {
        (AccessCount, other.AccessCount) = (other.AccessCount, AccessCount);
        (HasRips, other.HasRips) = (other.HasRips, HasRips);
        (_isSparse, other._isSparse) = (other._isSparse, _isSparse);
        (_touched, other._touched) = (other._touched, _touched);
        (Ordinals, other.Ordinals) = (other.Ordinals, Ordinals);
        (Gvas, other.Gvas) = (other.Gvas, Gvas);
        (Gpas, other.Gpas) = (other.Gpas, Gpas);
        (Rips, other.Rips) = (other.Rips, Rips);
        (Sizes, other.Sizes) = (other.Sizes, Sizes);
        (Kinds, other.Kinds) = (other.Kinds, Kinds);
        (Flags, other.Flags) = (other.Flags, Flags);
        (Vcpus, other.Vcpus) = (other.Vcpus, Vcpus);
        (Events, other.Events) = (other.Events, Events);
    }

    /// <summary>Appends accesses [<paramref name="start"/>, <paramref name="start"/> + <paramref name="count"/>) of another chunk.</summary>
    internal void AppendAccesses(TraceChunk from, int start, int count)
    {
        var at = AccessCount;
        Array.Copy(from.Ordinals, start, Ordinals, at, count);
        Array.Copy(from.Gvas, start, Gvas, at, count);
        Array.Copy(from.Gpas, start, Gpas, at, count);
        if (from.HasRips)
            Array.Copy(from.Rips, start, Rips, at, count);
        Array.Copy(from.Sizes, start, Sizes, at, count);
        Array.Copy(from.Kinds, start, Kinds, at, count);
        Array.Copy(from.Flags, start, Flags, at, count);
        Array.Copy(from.Vcpus, start, Vcpus, at, count);
        AccessCount = at + count;
    }
}
