namespace Replay.Analyzer.Store.BTrees;

/// <summary>Reads pages of a database, several at a time: leaves that were written one after the other are read so.</summary>
internal sealed class PageWindow
{
    private const uint Pages = 16;

    private readonly SqliteFile _file;
    private readonly FileHeader _header;
    private readonly byte[] _window = new byte[Pages * BTreePage.Size];
    private uint _first;
    private uint _count;
    private ulong _reads;

    /// <param name="file">Of a connection in a read transaction.</param>
    public PageWindow(SqliteFile file)
    {
        _file = file;
        var header = new byte[FileHeader.Length];
        file.Read(0, header);
        _header = new FileHeader(header);
    }

    /// <summary>The pages can be read here.</summary>
    public bool AreUsual => _header.IsUsual;

    /// <exception cref="ArgumentOutOfRangeException">There is no such page, or more are asked for than there are: some lead to themselves.</exception>
    public void Read(uint number, Span<byte> page)
    {
        ArgumentOutOfRangeException.ThrowIfZero(number);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(number, _header.PageCount);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(++_reads, _header.PageCount);
        if (number - _first >= _count)
        {
            _first = number;
            _count = Math.Min(Pages, _header.PageCount - number + 1);
            _file.Read((long)(number - 1) * BTreePage.Size, _window.AsSpan(0, (int)_count * BTreePage.Size));
        }

        _window.AsSpan((int)(number - _first) * BTreePage.Size, BTreePage.Size).CopyTo(page);
    }
}
