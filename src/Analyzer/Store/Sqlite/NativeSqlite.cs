using System.Runtime.InteropServices;

namespace Replay.Analyzer.Store;

/// <summary>
/// The calls of SQLite's C interface that SQLitePCLRaw does not have, and those of every row, which cost twice as much and more through its
/// handles: a bound value is here a call of a few nanoseconds without a GC transition. All else goes through <c>SQLitePCL.raw</c>, in the same library.
/// </summary>
internal static partial class NativeSqlite
{
    /// <summary>SQLITE_FCNTL_FILE_POINTER.</summary>
    public const int FilePointer = 7;

    private const string Library = "e_sqlite3";

    /// <summary>May write to disk for long: the one call of a row that lets the garbage collector run.</summary>
    [LibraryImport(Library, EntryPoint = "sqlite3_step")]
    public static partial int Step(nint statement);

    [LibraryImport(Library, EntryPoint = "sqlite3_reset")]
    [SuppressGCTransition]
    public static partial int Reset(nint statement);

    [LibraryImport(Library, EntryPoint = "sqlite3_bind_int64")]
    [SuppressGCTransition]
    public static partial int BindInt64(nint statement, int parameter, long value);

    [LibraryImport(Library, EntryPoint = "sqlite3_bind_null")]
    [SuppressGCTransition]
    public static partial int BindNull(nint statement, int parameter);

    [LibraryImport(Library, EntryPoint = "sqlite3_column_int64")]
    [SuppressGCTransition]
    public static partial long ColumnInt64(nint statement, int column);

    /// <param name="database">The connection.</param>
    /// <param name="name">Null: the main database.</param>
    /// <param name="operation"><see cref="FilePointer"/>.</param>
    /// <param name="file">Gets the <c>sqlite3_file</c>.</param>
    [LibraryImport(Library, EntryPoint = "sqlite3_file_control")]
    public static partial int FileControl(nint database, nint name, int operation, out nint file);
}
