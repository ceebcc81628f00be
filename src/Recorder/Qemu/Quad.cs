using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Replay.Recorder.Qemu;

/// <summary>Four slots, transposed: one vector a word.</summary>
internal readonly struct Quad
{
    private readonly Vector256<ulong> _place;

    private Quad(Vector256<ulong> head, Vector256<ulong> gvas, Vector256<ulong> place, Vector256<ulong> rips)
    {
        Head = head;
        Gvas = gvas;
        _place = place;
        Rips = rips;
    }

    public Vector256<ulong> Head { get; }

    public Vector256<ulong> Gvas { get; }

    public Vector256<ulong> Rips { get; }

    public Vector256<ulong> Ordinals => Head & Vector256.Create(WireSlot.OrdinalMask);

    public Vector256<ulong> Gpas => _place & Vector256.Create(WireSlot.GpaMask);

    /// <summary>The columns of a byte, in the low half of each lane.</summary>
    /// <remarks>
    /// <code>
    /// 31..24 size | 23..16 access flags | 15..8 type | 7..0 vCPU
    /// </code>
    /// </remarks>
    public Vector256<ulong> Rest =>
        (Head >> 48) | ((_place >> 32) & Vector256.Create(0xff00_0000UL)) | ((_place >> 36) & Vector256.Create(0x000f_0000UL));

    /// <summary>Loads the four slots that begin at the word <paramref name="at"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Quad Load(ref readonly ulong words, int at)
    {
        var a = Vector256.LoadUnsafe(in words, (nuint)at);
        var b = Vector256.LoadUnsafe(in words, (nuint)(at + 4));
        var c = Vector256.LoadUnsafe(in words, (nuint)(at + 8));
        var d = Vector256.LoadUnsafe(in words, (nuint)(at + 12));
        var headPlace01 = Avx2.UnpackLow(a, b);
        var gvaRip01 = Avx2.UnpackHigh(a, b);
        var headPlace23 = Avx2.UnpackLow(c, d);
        var gvaRip23 = Avx2.UnpackHigh(c, d);
        return new Quad(
            Avx2.Permute2x128(headPlace01, headPlace23, 0x20),
            Avx2.Permute2x128(gvaRip01, gvaRip23, 0x20),
            Avx2.Permute2x128(headPlace01, headPlace23, 0x31),
            Avx2.Permute2x128(gvaRip01, gvaRip23, 0x31));
    }
}
