using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Replay.Trace;

namespace Replay.Recorder.Qemu;

/// <summary>Spreads plain accesses, a slot each, over the columns of a chunk.</summary>
internal static class SlotColumns
{
    /// <summary>Slots at a time: as many as fill a word of each column of bytes.</summary>
    private const int Group = 8;

    /// <summary>Slots between the one that is spread and the one that is asked for.</summary>
    private const int Ahead = 64;

    /// <summary>Brings the bytes of <see cref="Quad.Rest"/> together, of eight accesses each.</summary>
    private static readonly Vector256<byte> Together = Vector256.Create(
        (byte)0, 4, 8, 12, 16, 20, 24, 28, 1, 5, 9, 13, 17, 21, 25, 29, 2, 6, 10, 14, 18, 22, 26, 30, 3, 7, 11, 15, 19, 23, 27, 31);

    /// <summary>Spreads the slots before the first that is no plain access.</summary>
    /// <returns>How many.</returns>
    public static int Spread(ReadOnlySpan<WireSlot> slots, TraceChunk chunk, int start, bool rips)
    {
        var done = Avx2.IsSupported ? SpreadGroups(slots, chunk, start, rips) : 0;
        return done + SpreadSingly(slots[done..], chunk, start + done, rips);
    }

    /// <summary>One by one.</summary>
    internal static int SpreadSingly(ReadOnlySpan<WireSlot> slots, TraceChunk chunk, int start, bool rips)
    {
        for (var i = 0; i < slots.Length; i++)
        {
            ref readonly var slot = ref slots[i];
            if (slot.Type >= WireFormat.EventBit)
                return i;
            chunk.Ordinals[start + i] = slot.Ordinal;
            chunk.Gvas[start + i] = slot.Gva;
            chunk.Gpas[start + i] = slot.Gpa;
            chunk.Sizes[start + i] = slot.Size;
            chunk.Kinds[start + i] = slot.Type;
            chunk.Flags[start + i] = slot.Flags;
            chunk.Vcpus[start + i] = slot.Vcpu;
            if (rips)
                chunk.Rips[start + i] = slot.Rip;
        }
        return slots.Length;
    }

    /// <summary>As many whole groups as hold plain accesses only.</summary>
    private static int SpreadGroups(ReadOnlySpan<WireSlot> slots, TraceChunk chunk, int start, bool rips)
    {
        var count = slots.Length;
        ref readonly var words = ref MemoryMarshal.GetReference(MemoryMarshal.Cast<WireSlot, ulong>(slots));
        ref var ordinals = ref MemoryMarshal.GetReference(MemoryMarshal.Cast<long, ulong>(chunk.Ordinals.AsSpan(start, count)));
        ref var gvas = ref MemoryMarshal.GetReference(chunk.Gvas.AsSpan(start, count));
        ref var gpas = ref MemoryMarshal.GetReference(chunk.Gpas.AsSpan(start, count));
        ref var addresses = ref MemoryMarshal.GetReference(chunk.Rips.AsSpan(start, count));
        ref var vcpus = ref MemoryMarshal.GetReference(chunk.Vcpus.AsSpan(start, count));
        ref var kinds = ref MemoryMarshal.GetReference(chunk.Kinds.AsSpan(start, count));
        ref var flags = ref MemoryMarshal.GetReference(chunk.Flags.AsSpan(start, count));
        ref var sizes = ref MemoryMarshal.GetReference(chunk.Sizes.AsSpan(start, count));
        var at = 0;
        for (; at <= count - Group; at += Group)
        {
            Prefetch(in words, 4 * (at + Ahead));
            var low = Quad.Load(in words, 4 * at);
            var high = Quad.Load(in words, 4 * (at + (Group / 2)));
            if (((low.Head | high.Head) & Vector256.Create(WireSlot.EventBits)) != Vector256<ulong>.Zero)
                break;
            Store(low.Ordinals, high.Ordinals, ref ordinals, at);
            Store(low.Gvas, high.Gvas, ref gvas, at);
            Store(low.Gpas, high.Gpas, ref gpas, at);
            if (rips)
                Store(low.Rips, high.Rips, ref addresses, at);
            var bytes = Vector256.Shuffle(Vector256.Narrow(low.Rest, high.Rest).AsByte(), Together).AsUInt64();
            Unsafe.WriteUnaligned(ref Unsafe.Add(ref vcpus, at), bytes[0]);
            Unsafe.WriteUnaligned(ref Unsafe.Add(ref kinds, at), bytes[1]);
            Unsafe.WriteUnaligned(ref Unsafe.Add(ref flags, at), bytes[2]);
            Unsafe.WriteUnaligned(ref Unsafe.Add(ref sizes, at), bytes[3]);
        }
        return at;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(Vector256<ulong> low, Vector256<ulong> high, ref ulong column, int at)
    {
        low.StoreUnsafe(ref column, (nuint)at);
        high.StoreUnsafe(ref column, (nuint)(at + (Group / 2)));
    }

    /// <summary>The ring comes from another core's cache or from memory, in pages that the CPU does not look beyond by itself.</summary>
    private static unsafe void Prefetch(ref readonly ulong words, int at)
    {
        var address = (byte*)Unsafe.AsPointer(ref Unsafe.Add(ref Unsafe.AsRef(in words), at));
        for (var line = 0; line < Group * 32; line += 64)
            Sse.Prefetch0(address + line);
    }
}
