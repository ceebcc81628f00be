using System.Numerics;
using System.Runtime.InteropServices;

namespace Replay.Trace.Columns;

/// <summary>CRC-32C, for which CPUs have an instruction: finds damage, an order of magnitude faster than SHA-256.</summary>
internal static class Crc32C
{
    /// <param name="bytes">What to sum up.</param>
    /// <param name="before">The sum of what stands before them.</param>
    public static uint Of(ReadOnlySpan<byte> bytes, uint before = 0)
    {
        var crc = ~before;
        var words = MemoryMarshal.Cast<byte, ulong>(bytes);
        foreach (var word in words)
            crc = BitOperations.Crc32C(crc, BitConverter.IsLittleEndian ? word : System.Buffers.Binary.BinaryPrimitives.ReverseEndianness(word));
        foreach (var one in bytes[(words.Length * sizeof(ulong))..])
            crc = BitOperations.Crc32C(crc, one);
        return ~crc;
    }
}
