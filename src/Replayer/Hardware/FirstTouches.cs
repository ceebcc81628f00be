using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Replay.Trace;

namespace Replay.Replayer.Hardware;

/// <summary>
/// The accesses of a chunk that are not repetitions: the first from each page with its kind and privilege since the last event, or since
/// another vCPU's access. Found once for all modes that replay the chunk: where a first touch changed nothing that translations depend on, its
/// repetitions change nothing either, whatever the mode.
/// </summary>
/// <remarks>
/// It is a <see cref="SoftwareTlb"/> that nothing of a mode's own empties, but everything that could concern all of them does. A mode's TLB, as
/// large and laid out the same, holds whatever this one holds; until it is emptied out of turn, which the mode itself knows.
/// </remarks>
public sealed class FirstTouches
{
    private readonly SoftwareTlb _tlb = new();
    private readonly int[] _indices = new int[TraceChunk.Capacity];
    private int _count;

    /// <summary>Indices of the chunk's first touches, ascending.</summary>
    public ReadOnlySpan<int> Indices => _indices.AsSpan(0, _count);

    /// <summary>Finds those of another chunk.</summary>
    public void Find(TraceChunk chunk)
    {
        ArgumentNullException.ThrowIfNull(chunk);
        _count = 0;
        var next = 0;
        foreach (ref readonly var row in CollectionsMarshal.AsSpan(chunk.Events))
        {
            var end = chunk.FirstAccessFrom(next, row.Ordinal);
            FindBetweenEvents(chunk, next, end);
            next = end;
        }

        FindBetweenEvents(chunk, next, chunk.AccessCount);
    }

    private void FindBetweenEvents(TraceChunk chunk, int from, int to)
    {
        while (from < to)
        {
            var end = chunk.EndOfVcpuRun(from, to);
            FindOfVcpu(chunk, from, end);
            from = end;
        }
    }

    private void FindOfVcpu(TraceChunk chunk, int from, int to)
    {
        _tlb.Flush();
        ref var entries = ref _tlb.First;
        ref var gvas = ref MemoryMarshal.GetArrayDataReference(chunk.Gvas);
        ref var gpas = ref MemoryMarshal.GetArrayDataReference(chunk.Gpas);
        ref var kinds = ref MemoryMarshal.GetArrayDataReference(chunk.Kinds);
        ref var flags = ref MemoryMarshal.GetArrayDataReference(chunk.Flags);
        var generation = _tlb.Generation;
        for (var i = from; i < to; i++)
        {
            var gva = Unsafe.Add(ref gvas, i);
            var gpa = Unsafe.Add(ref gpas, i);
            var kindAndFlags = SoftwareTlb.KindAndFlags(Unsafe.Add(ref kinds, i), Unsafe.Add(ref flags, i));
            ref var entry = ref Unsafe.Add(ref entries, SoftwareTlb.Slot(gva, kindAndFlags));
            var difference = entry.Key ^ SoftwareTlb.Key(gva, kindAndFlags, generation);
            if ((difference | (entry.Gpa ^ gpa) >> 12) == 0)
                continue;
            _indices[_count++] = i;
            if (ReadModifyWrite.Begins(chunk, i))
                entry.Key = 0; // some modes leave it to the write that follows, others replace what stood here
            else
                _tlb.Fill(gva, kindAndFlags, gpa);
        }
    }
}
