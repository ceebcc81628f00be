namespace Replay.Trace;

/// <summary>
/// A stretch of the stream in columns: plain accesses to RAM, one array a column, and the events between them. Both are sorted by
/// ordinal, and no ordinal stands in both. The arrays are reused from chunk to chunk; only the first <see cref="AccessCount"/> elements count.
/// </summary>
public sealed class TraceChunk
{
    public const int Capacity = 65536;

    public int AccessCount { get; set; }

    /// <summary>Ordinal of each access. Not contiguous in a filtered capture: dropped accesses keep their ordinals.</summary>
    public long[] Ordinals { get; } = new long[Capacity];

    public ulong[] Gvas { get; } = new ulong[Capacity];

    /// <summary>The guest-physical address the source saw.</summary>
    public ulong[] Gpas { get; } = new ulong[Capacity];

    /// <summary>Instruction addresses; meaningful only where <see cref="HasRips"/>.</summary>
    public ulong[] Rips { get; } = new ulong[Capacity];

    public bool HasRips { get; set; }

    /// <summary>Bytes touched, 1 to 64; an access never crosses a 4 KiB page (the recorder splits those that do).</summary>
    public byte[] Sizes { get; } = new byte[Capacity];

    /// <summary><see cref="AccessKind"/> of each access.</summary>
    public byte[] Kinds { get; } = new byte[Capacity];

    /// <summary><see cref="AccessFlags"/> of each access.</summary>
    public byte[] Flags { get; } = new byte[Capacity];

    public byte[] Vcpus { get; } = new byte[Capacity];

    /// <summary>The events of this stretch, by ordinal.</summary>
    public List<TraceEvent> Events { get; } = [];

    /// <summary>Forgets the content, keeps the arrays.</summary>
    public void Clear()
    {
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
}
