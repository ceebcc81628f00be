using Microsoft.Win32.SafeHandles;

namespace Replay.Analyzer.Store.BTrees;

/// <summary>Writes pages into a database that nobody else has open: new ones at its end, and roots where SQLite has put empty ones.</summary>
internal sealed class DatabasePages : IDisposable
{
    /// <summary>SQLite locks bytes of this page and never uses it.</summary>
    private const uint LockPage = (0x4000_0000 / BTreePage.Size) + 1;

    private const int BufferPages = 64;

    private readonly SafeFileHandle _file;
    private readonly FileHeader _header;
    private readonly byte[] _buffer = new byte[BufferPages * BTreePage.Size];
    private uint _next;
    private uint _firstInBuffer;
    private int _used;

    public DatabasePages(string path)
    {
        _file = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite, FileShare.None);
        var header = new byte[FileHeader.Length];
        RandomAccess.Read(_file, header, 0);
        _header = new FileHeader(header);
        _next = _header.PageCount + 1;
    }

    /// <summary>Pages may be written here.</summary>
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

    /// <summary>Writes the root of a tree over the empty page that SQLite has made for it.</summary>
    public void PutRoot(uint number, ReadOnlySpan<byte> page) => RandomAccess.Write(_file, page, Offset(number));

    /// <summary>Makes the pages part of the database.</summary>
    public void Commit()
    {
        Flush();
        _header.PageCount = _next - 1;
        RandomAccess.Write(_file, _header.Next(), 0);
    }

    public void Dispose() => _file.Dispose();

    private static long Offset(uint number) => (number - 1L) * BTreePage.Size;

    private void Flush()
    {
        if (_used != 0)
            RandomAccess.Write(_file, _buffer.AsSpan(0, _used), Offset(_firstInBuffer));
        _used = 0;
    }
}
