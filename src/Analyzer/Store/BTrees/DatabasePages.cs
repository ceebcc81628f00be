namespace Replay.Analyzer.Store.BTrees;

/// <summary>
/// Appends pages to a database behind SQLite's back, through the file handle of a connection that holds the exclusive lock. SQLite takes no
/// notice of them until <see cref="Commit"/> changes the page count in the file's header; the connection must be opened anew then.
/// </summary>
internal sealed class DatabasePages
{
    /// <summary>SQLite locks bytes of this page and never uses it.</summary>
    private const uint LockPage = (0x4000_0000 / BTreePage.Size) + 1;

    /// <summary>SQLite never writes more than 128 KiB at once, and its Unix layer cuts off what is beyond.</summary>
    private const int BufferPages = 16;

    private readonly SqliteFile _file;
    private readonly FileHeader _header;
    private readonly byte[] _buffer = new byte[BufferPages * BTreePage.Size];
    private uint _next;
    private uint _firstInBuffer;
    private int _used;

    public DatabasePages(NativeConnection connection)
    {
        _file = connection.File;
        _header = new FileHeader(_file);
        _next = _header.PageCount + 1;
    }

    /// <summary>Pages may be appended.</summary>
    public bool AreUsual => _header.IsUsual;

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
    /// Makes the pages part of the database, in which nothing refers to them yet. Should nothing ever, because the process dies, they are
    /// taken back by <see cref="TakeBack"/>. The disk has them when the transaction that refers to them is through, as any page.
    /// </summary>
    /// <param name="spool">Remembers which pages they are.</param>
    public void Commit(Spool spool)
    {
        Flush();
        spool.Mark(_header.PageCount, _next - 1);
        _header.PageCount = _next - 1;
        _header.Write(_file);
    }

    /// <summary>Takes pages away that were appended at the end, and that nothing refers to.</summary>
    /// <param name="connection">Holds the exclusive lock, outside a transaction, and is to be opened anew afterwards.</param>
    /// <param name="mark">Pages before and after: see <see cref="Spool"/>.</param>
    /// <returns>False: there is nothing to take back.</returns>
    public static bool TakeBack(NativeConnection connection, (uint Before, uint After) mark)
    {
        var file = connection.File;
        var header = new FileHeader(file);
        if (!header.IsUsual || header.PageCount != mark.After || connection.QueryInt64("SELECT max(rootpage) FROM sqlite_schema") > mark.Before)
            return false;
        header.PageCount = mark.Before;
        header.Write(file);
        file.Truncate((long)mark.Before * BTreePage.Size);
        return true;
    }

    private void Flush()
    {
        if (_used != 0)
            _file.Write((long)(_firstInBuffer - 1) * BTreePage.Size, _buffer.AsSpan(0, _used));
        _used = 0;
    }
}
