using System.Buffers.Binary;

namespace Replay.Analyzer.Store.BTrees;

/// <summary>The first 100 bytes of a database.</summary>
/// <remarks>Source: sqlite.org/fileformat2.html, "The Database Header".</remarks>
internal sealed class FileHeader
{
    private const int Length = 100;
    private const int PageSizeOffset = 16;
    private const int FormatOffset = 18;
    private const int ReservedOffset = 20;
    private const int ChangeCounterOffset = 24;
    private const int PageCountOffset = 28;
    private const int SchemaFormatOffset = 44;
    private const int LargestRootOffset = 52;
    private const int VersionValidForOffset = 92;

    private readonly byte[] _bytes = new byte[Length];

    public FileHeader(SqliteFile file) => file.Read(0, _bytes);

    public uint PageCount
    {
        get => Word(PageCountOffset);
        set => BinaryPrimitives.WriteUInt32BigEndian(_bytes.AsSpan(PageCountOffset), value);
    }

    /// <summary>
    /// Pages of the size that <see cref="BTreePage"/> makes and their count, a rollback journal, records that may hold the numbers 0 and 1 in
    /// their types alone.
    /// </summary>
    public bool IsUsual =>
        BinaryPrimitives.ReadUInt16BigEndian(_bytes.AsSpan(PageSizeOffset)) == BTreePage.Size
        && _bytes[FormatOffset] == 1
        && _bytes[FormatOffset + 1] == 1
        && _bytes[ReservedOffset] == 0
        && Word(ChangeCounterOffset) == Word(VersionValidForOffset)
        && Word(SchemaFormatOffset) == 4
        && Word(LargestRootOffset) == 0;

    /// <summary>Writes it with a new change counter.</summary>
    public void Write(SqliteFile file)
    {
        var counter = Word(ChangeCounterOffset) + 1;
        BinaryPrimitives.WriteUInt32BigEndian(_bytes.AsSpan(ChangeCounterOffset), counter);
        BinaryPrimitives.WriteUInt32BigEndian(_bytes.AsSpan(VersionValidForOffset), counter);
        file.Write(0, _bytes);
    }

    private uint Word(int offset) => BinaryPrimitives.ReadUInt32BigEndian(_bytes.AsSpan(offset));
}
