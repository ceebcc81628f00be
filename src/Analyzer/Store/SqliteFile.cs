using System.Runtime.InteropServices;

namespace Replay.Analyzer.Store;

/// <summary>Reads and writes a database's file through SQLite's own handle: another one, when closed, would take SQLite's locks away.</summary>
/// <remarks>Source: sqlite.org/c3ref/io_methods.html; fcntl(2) on locks and closing.</remarks>
internal readonly unsafe struct SqliteFile(nint file, string path)
{
    public void Read(long offset, Span<byte> bytes)
    {
        fixed (byte* pointer = bytes)
        {
            if (Methods->Read(file, pointer, bytes.Length, offset) != NativeSqlite.Ok)
                throw new StoreException($"{path}: cannot read the database.");
        }
    }

    /// <exception cref="StoreException">The disk is full, or worse.</exception>
    public void Write(long offset, ReadOnlySpan<byte> bytes)
    {
        fixed (byte* pointer = bytes)
        {
            var result = Methods->Write(file, pointer, bytes.Length, offset);
            if (result != NativeSqlite.Ok)
                throw new StoreException($"{path}: cannot write the database: {Marshal.PtrToStringUTF8(NativeSqlite.ErrorText(result))}.");
        }
    }

    /// <summary>Cuts off what is behind <paramref name="length"/>. Where that cannot be, it does no harm there.</summary>
    public void Truncate(long length) => _ = Methods->Truncate(file, length);

    private IoMethods* Methods => *(IoMethods**)file;

    /// <summary>The beginning of <c>sqlite3_io_methods</c>.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct IoMethods
    {
        public int Version;
        public nint Close;
        public delegate* unmanaged<nint, byte*, int, long, int> Read;
        public delegate* unmanaged<nint, byte*, int, long, int> Write;
        public delegate* unmanaged<nint, long, int> Truncate;
    }
}
