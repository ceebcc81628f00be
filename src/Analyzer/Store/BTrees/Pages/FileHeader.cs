using System.Buffers.Binary;

namespace Replay.Analyzer.Store.BTrees;

/// <summary>The first 100 bytes of a database.</summary>
/// <remarks>Source: sqlite.org/fileformat2.html, "The Database Header".</remarks>
/// <param name="bytes">They are taken over.</param>
internal sealed class FileHeader(byte[] bytes)
{
    public const int Length = 100;

    private const int PageSizeOffset = 16;
    private const int FormatOffset = 18;
    private const int ReservedOffset = 20;
    private const int ChangeCounterOffset = 24;
    private const int PageCountOffset = 28;
    private const int SchemaFormatOffset = 44;
    private const int LargestRootOffset = 52;
    private const int VersionValidForOffset = 92;

    public uint PageCount
    {
        get => Word(PageCountOffset);
        set => BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(PageCountOffset), value);
    }

    /// <summary>
    /// Pages of the size that <see cref="BTreePage"/> makes and their count, a rollback journal, records that may hold the numbers 0 and 1 in
    /// their types alone.
    /// </summary>
    public bool IsUsual =>
        BinaryPrimitives.ReadUInt16BigEndian(bytes.AsSpan(PageSizeOffset)) == BTreePage.Size
        && bytes[FormatOffset] == 1
        && bytes[FormatOffset + 1] == 1
        && bytes[ReservedOffset] == 0
        && Word(ChangeCounterOffset) == Word(VersionValidForOffset)
        && Word(SchemaFormatOffset) == 4
        && Word(LargestRootOffset) == 0;

    /// <summary>The header with a new change counter.</summary>
    public ReadOnlySpan<byte> Next()
    {
        var counter = Word(ChangeCounterOffset) + 1;
        BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(ChangeCounterOffset), counter);
        BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(VersionValidForOffset), counter);
        return bytes;
    }

    private uint Word(int offset) => BinaryPrimitives.ReadUInt32BigEndian(bytes.AsSpan(offset));
}
