using System.Buffers.Binary;

namespace Replay.Trace.Columns;

/// <summary>
/// Bytes in a ZSTD frame that stores them as they are: for a page that is not worth compressing beside a dictionary page that is, since both
/// have the codec of their column chunk.
/// </summary>
/// <remarks>
/// RFC 8878: magic number, descriptor, length of the content in four bytes; then blocks with a header of three bytes each:
/// <code>
/// 23..3 bytes | 2..1 type (0: raw) | 0 last
/// </code>
/// </remarks>
internal static class RawFrame
{
    private const uint Magic = 0xfd2f_b528;

    /// <summary>The content is one segment, and its length stands in four bytes.</summary>
    private const byte Descriptor = 0xa0;

    private const int HeaderBytes = sizeof(uint) + 1 + sizeof(uint);

    private const int BlockHeaderBytes = 3;

    private const int MaxBlockBytes = 1 << 17;

    /// <summary>Bytes of the frame of <paramref name="count"/> bytes.</summary>
    public static int Length(int count) => HeaderBytes + (Math.Max(1, (count + MaxBlockBytes - 1) / MaxBlockBytes) * BlockHeaderBytes) + count;

    public static void Write(ReadOnlySpan<byte> content, Span<byte> into)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(into, Magic);
        into[sizeof(uint)] = Descriptor;
        BinaryPrimitives.WriteUInt32LittleEndian(into[(sizeof(uint) + 1)..], (uint)content.Length);
        into = into[HeaderBytes..];
        bool isLast;
        do
        {
            var block = content[..Math.Min(content.Length, MaxBlockBytes)];
            isLast = block.Length == content.Length;
            var header = (uint)block.Length << 3 | (isLast ? 1u : 0);
            into[0] = (byte)header;
            into[1] = (byte)(header >> 8);
            into[2] = (byte)(header >> 16);
            block.CopyTo(into[BlockHeaderBytes..]);
            into = into[(BlockHeaderBytes + block.Length)..];
            content = content[block.Length..];
        }
        while (!isLast);
    }
}
