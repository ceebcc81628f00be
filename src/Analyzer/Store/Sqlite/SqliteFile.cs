using System.Runtime.InteropServices;

namespace Replay.Analyzer.Store;

/// <summary>Reads a database's file through SQLite's own handle: another one, when closed, would take SQLite's locks away.</summary>
/// <remarks>Source: sqlite.org/c3ref/io_methods.html; fcntl(2) on locks and closing.</remarks>
internal readonly unsafe struct SqliteFile(nint file, string path)
{
    public void Read(long offset, Span<byte> bytes)
    {
        fixed (byte* pointer = bytes)
        {
            if ((*(IoMethods**)file)->Read(file, pointer, bytes.Length, offset) != SQLitePCL.raw.SQLITE_OK)
                throw new StoreException($"{path}: cannot read the database.");
        }
    }

    /// <summary>The beginning of <c>sqlite3_io_methods</c>.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct IoMethods
    {
        public int Version;
        public nint Close;
        public delegate* unmanaged<nint, byte*, int, long, int> Read;
    }
}
