using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Replay.Trace;

namespace Replay.Recorder.Qemu;

/// <summary>
/// Makes blocks as they are encoded. What a number in a word stands for is looked up once a block; from then on, the number leads to the entry of
/// the block's dictionary.
/// </summary>
internal sealed class BlockTarget : AccessTarget
{
    private const int PageShift = 12;

    /// <summary>Words at a time: they stay in the nearest cache from one loop over them to the next.</summary>
    private const int Stretch = 1024;

    /// <summary>Words that are spread together.</summary>
    private const int Group = 32;

    /// <summary>Place → the generation in which it got an entry (high half) and the entry.</summary>
    private readonly uint[] _places;

    /// <summary>Instruction → likewise.</summary>
    private readonly uint[] _instructions = new uint[WireWord.CodePages << WireWord.InstructionBits];

    private readonly CaptureWriter _writer;
    private AccessBlock _block;
    private uint _generation = 1;

    public BlockTarget(WireNumbers numbers, CaptureWriter writer)
        : base(numbers)
    {
        _writer = writer;
        _block = writer.TakeBlock();
        _places = new uint[numbers.Places];
    }

    public override bool IsFull => _block.IsFull;

    /// <summary>A block is a row group, and would lie in the writer's queue instead.</summary>
    public override bool WritesWhenIdle => false;

    public override int Take(ReadOnlySpan<ulong> words, long ordinal)
    {
        words = words[..Math.Min(words.Length, AccessBlock.Capacity - _block.Count)];
        var taken = 0;
        while (taken < words.Length)
        {
            var stretch = words.Slice(taken, Math.Min(Stretch, words.Length - taken));
            var count = Number(stretch);
            Spread(stretch[..count]);
            _block.Append(count, ordinal + taken);
            taken += count;
            if (count < stretch.Length)
                break;
        }
        return taken;
    }

    public override void Take(ulong word, ulong rip, long ordinal)
    {
        var row = _block.Count;
        ReadOnlySpan<ulong> one = [word];
        _block.Places[row] = PlaceOf(Numbers.FirstPlace + WireWord.Place(word));
        _block.Rips[row] = _block.AddRip(rip);
        Spread(one);
        _block.Append(1, ordinal);
    }

    public override void Take(in WireHead access, AccessKind kind)
    {
        var row = _block.Count;
        _block.Places[row] = _block.PlaceOf(access.Gva >> PageShift, access.Gpa >> PageShift);
        _block.Rips[row] = _block.AddRip(access.Rip);
        _block.Offsets[row] = (ushort)(access.Gva & WireWord.OffsetMask);
        _block.Kinds[row] = (byte)kind;
        _block.Flags[row] = access.Flags;
        _block.Sizes[row] = access.Size;
        _block.Vcpus[row] = access.Vcpu;
        _block.Append(1, access.Ordinal);
    }

    public override void PlaceChanged(int place) => _places[place] = 0;

    public override void CodePageChanged(int number) => _instructions.AsSpan(number << WireWord.InstructionBits, 1 << WireWord.InstructionBits).Clear();

    public override void Write(List<TraceEvent> events)
    {
        if (_block.Count == 0 && events.Count == 0)
            return;
        _writer.Write(_block, CollectionsMarshal.AsSpan(events));
        _block = _writer.TakeBlock();
        if (++_generation <= ushort.MaxValue)
            return;
        Array.Clear(_places);
        Array.Clear(_instructions);
        _generation = 1;
    }

    /// <summary>The columns that are numbers, up to the first word that is no access.</summary>
    /// <returns>How many.</returns>
    private int Number(ReadOnlySpan<ulong> words)
    {
        var places = _block.Places.AsSpan(_block.Count, words.Length);
        var rips = _block.Rips.AsSpan(_block.Count, words.Length);
        var placeEntries = _places.AsSpan(Numbers.FirstPlace, WireWord.Places);
        var i = 0;
        while (true)
        {
            i += NumberKnown(words[i..], placeEntries, _instructions, _generation, places[i..], rips[i..]);
            if (i == words.Length || words[i] >= WireWord.Limit)
                return i;
            var place = placeEntries[WireWord.Place(words[i])];
            var rip = _instructions[WireWord.Instruction(words[i])];
            places[i] = place >> 16 == _generation ? (ushort)place : PlaceOf(Numbers.FirstPlace + WireWord.Place(words[i]));
            rips[i] = rip >> 16 == _generation ? (ushort)rip : RipOf(WireWord.Instruction(words[i]));
            i++;
        }
    }

    /// <summary>As many words as have entries for both. It calls nothing, so that all it needs stays in registers.</summary>
    private static int NumberKnown(ReadOnlySpan<ulong> words, ReadOnlySpan<uint> placeEntries, uint[] instructionEntries, uint generation, Span<ushort> places, Span<ushort> rips)
    {
        ref var toPlaces = ref MemoryMarshal.GetReference(places);
        ref var toRips = ref MemoryMarshal.GetReference(rips);
        ref var fromPlaces = ref MemoryMarshal.GetReference(placeEntries);
        ref var fromInstructions = ref MemoryMarshal.GetArrayDataReference(instructionEntries);
        for (var i = 0; i < words.Length; i++)
        {
            var word = words[i];
            var place = Unsafe.Add(ref fromPlaces, WireWord.Place(word));
            var rip = Unsafe.Add(ref fromInstructions, WireWord.Instruction(word));
            if ((long)word < 0 || (((place >> 16) ^ generation) | ((rip >> 16) ^ generation)) != 0)
                return i;
            Unsafe.Add(ref toPlaces, i) = (ushort)place;
            Unsafe.Add(ref toRips, i) = (ushort)rip;
        }
        return words.Length;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private ushort PlaceOf(int place)
    {
        var entry = _block.PlaceOf(Numbers.GvaPage(place), Numbers.GpaPage(place));
        _places[place] = (_generation << 16) | entry;
        return entry;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private ushort RipOf(int instruction)
    {
        var entry = _block.AddRip(Numbers.Rip(instruction));
        _instructions[instruction] = (_generation << 16) | entry;
        return entry;
    }

    /// <summary>The columns that stand in the words.</summary>
    private void Spread(ReadOnlySpan<ulong> words)
    {
        var row = _block.Count;
        var offsets = _block.Offsets.AsSpan(row, words.Length);
        var kinds = _block.Kinds.AsSpan(row, words.Length);
        var flags = _block.Flags.AsSpan(row, words.Length);
        var sizes = _block.Sizes.AsSpan(row, words.Length);
        _block.Vcpus.AsSpan(row, words.Length).Fill(Numbers.Vcpu);
        var i = Vector256.IsHardwareAccelerated ? SpreadGroups(words, offsets, kinds, flags, sizes) : 0;
        SpreadSingly(words[i..], offsets[i..], kinds[i..], flags[i..], sizes[i..]);
    }

    internal static void SpreadSingly(ReadOnlySpan<ulong> words, Span<ushort> offsets, Span<byte> kinds, Span<byte> flags, Span<byte> sizes)
    {
        for (var i = 0; i < words.Length; i++)
        {
            offsets[i] = (ushort)WireWord.Offset(words[i]);
            kinds[i] = (byte)WireWord.Kind(words[i]);
            flags[i] = (byte)WireWord.Flags(words[i]);
            sizes[i] = (byte)WireWord.Size(words[i]);
        }
    }

    /// <returns>How many words: as many whole groups as there are.</returns>
    internal static int SpreadGroups(ReadOnlySpan<ulong> words, Span<ushort> offsets, Span<byte> kinds, Span<byte> flags, Span<byte> sizes)
    {
        const int shorts = Group / 2;
        var i = 0;
        for (; i <= words.Length - Group; i += Group)
        {
            Load(words[i..], out var low0, out var high0);
            Load(words[(i + 8)..], out var low1, out var high1);
            Load(words[(i + 16)..], out var low2, out var high2);
            Load(words[(i + 24)..], out var low3, out var high3);
            var inPage0 = Vector256.Narrow(low0, low1);
            var inPage1 = Vector256.Narrow(low2, low3);
            (inPage0 & Vector256.Create((ushort)WireWord.OffsetMask)).CopyTo(offsets[i..]);
            (inPage1 & Vector256.Create((ushort)WireWord.OffsetMask)).CopyTo(offsets[(i + shorts)..]);
            Vector256.Narrow(inPage0 >> WireWord.KindShift, inPage1 >> WireWord.KindShift).CopyTo(kinds[i..]);
            Vector256.Narrow(Vector256.Narrow(low0 >> WireWord.FlagsShift, low1 >> WireWord.FlagsShift), Vector256.Narrow(low2 >> WireWord.FlagsShift, low3 >> WireWord.FlagsShift)).CopyTo(flags[i..]);
            const int size = WireWord.SizeShift - WireWord.InstructionShift;
            Vector256.Narrow(Vector256.Narrow(high0 >> size, high1 >> size), Vector256.Narrow(high2 >> size, high3 >> size)).CopyTo(sizes[i..]);
        }
        return i;
    }

    /// <summary>The halves of eight words.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Load(ReadOnlySpan<ulong> words, out Vector256<uint> low, out Vector256<uint> high)
    {
        var first = Vector256.Create(words);
        var second = Vector256.Create(words[Vector256<ulong>.Count..]);
        low = Vector256.Narrow(first, second);
        high = Vector256.Narrow(first >> 32, second >> 32);
    }
}
