using System.Buffers.Binary;

namespace Replay.Analyzer.Store.BTrees;

/// <summary>
/// Appends pages to a database behind SQLite's back, through the file handle of a connection that holds the exclusive lock. SQLite takes no
/// notice of them until <see cref="Commit"/> changes the page count in the file's header; the connection must be opened anew then.
/// </summary>
internal sealed class DatabasePages
{
    private const int HeaderLength = 100;
    private const int PageSizeOffset = 16;
    private const int FormatOffset = 18;
    private const int ReservedOffset = 20;
    private const int ChangeCounterOffset = 24;
    private const int PageCountOffset = 28;
    private const int SchemaFormatOffset = 44;
    private const int LargestRootOffset = 52;
    private const int VersionValidForOffset = 92;

    /// <summary>SQLite locks bytes of this page and never uses it.</summary>
    private const uint LockPage = (0x4000_0000 / BTreePage.Size) + 1;

    /// <summary>SQLite never writes more than 128 KiB at once, and its Unix layer cuts off what is beyond.</summary>
    private const int BufferPages = 16;

    private readonly WriterFile _file;
    private readonly byte[] _header = new byte[HeaderLength];
    private readonly byte[] _buffer = new byte[BufferPages * BTreePage.Size];
    private uint _next;
    private uint _firstInBuffer;
    private int _used;

    public DatabasePages(WriterConnection connection)
    {
        _file = connection.File;
        _file.Read(0, _header);
        _next = BinaryPrimitives.ReadUInt32BigEndian(_header.AsSpan(PageCountOffset)) + 1;
    }

    /// <summary>Pages of the size that <see cref="BTreePage"/> makes, a rollback journal, records that may hold the numbers 0 and 1 in their types alone.</summary>
    public bool AreUsual =>
        BinaryPrimitives.ReadUInt16BigEndian(_header.AsSpan(PageSizeOffset)) == BTreePage.Size
        && _header[FormatOffset] == 1
        && _header[FormatOffset + 1] == 1
        && _header[ReservedOffset] == 0
        && _header.AsSpan(ChangeCounterOffset, sizeof(uint)).SequenceEqual(_header.AsSpan(VersionValidForOffset, sizeof(uint)))
        && BinaryPrimitives.ReadUInt32BigEndian(_header.AsSpan(SchemaFormatOffset)) == 4
        && BinaryPrimitives.ReadUInt32BigEndian(_header.AsSpan(LargestRootOffset)) == 0;

    /// <returns>The page's number.</returns>
    public uint Append(ReadOnlySpan<byte> page)
    {
        if (_next == LockPage)
        {
            Flush();
            _next++;
        }

        if (_used == 0)
            _firstInBuffer = _next;
        page.CopyTo(_buffer.AsSpan(_used));
        _used += BTreePage.Size;
        if (_used == _buffer.Length)
            Flush();
        return _next++;
    }

    /// <summary>
    /// Makes the pages part of the database, in which nothing refers to them yet: whatever happens before or after, it is sound. The disk
    /// has them when the transaction that refers to them is through, as any page.
    /// </summary>
    public void Commit()
    {
        Flush();
        var counter = BinaryPrimitives.ReadUInt32BigEndian(_header.AsSpan(ChangeCounterOffset)) + 1;
        BinaryPrimitives.WriteUInt32BigEndian(_header.AsSpan(ChangeCounterOffset), counter);
        BinaryPrimitives.WriteUInt32BigEndian(_header.AsSpan(VersionValidForOffset), counter);
        BinaryPrimitives.WriteUInt32BigEndian(_header.AsSpan(PageCountOffset), _next - 1);
        _file.Write(0, _header);
    }

    private void Flush()
    {
        if (_used != 0)
            _file.Write((long)(_firstInBuffer - 1) * BTreePage.Size, _buffer.AsSpan(0, _used));
        _used = 0;
    }
}
