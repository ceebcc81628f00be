using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Data.Sqlite;
using Replay.Analyzer.Store;

namespace Replay.Benchmarks;

/// <summary>The rows of a database stored once more by <c>native/ingest.c</c>, with the library that the tool itself uses.</summary>
internal sealed class NativeIngest : IDisposable
{
    public static readonly string[] Tables =
        ["_access", "_vm_exit", "_fault", "_table_write", "_page_operation", "_root_change", "_tlb_flush", "_guest_fault"];

    private readonly NativeProgram _program;
    private readonly DirectoryInfo _folder;

    private NativeIngest(NativeProgram program, DirectoryInfo folder)
    {
        _program = program;
        _folder = folder;
    }

    private string Rows => Path.Combine(_folder.FullName, "rows");

    private string Indexes => Path.Combine(_folder.FullName, "indexes.sql");

    private string Empty => Path.Combine(_folder.FullName, "empty.db");

    /// <param name="database">With one complete run.</param>
    /// <param name="folder">For what the program needs.</param>
    /// <returns>Null: there is no C compiler.</returns>
    public static NativeIngest? Prepare(string database, DirectoryInfo folder)
    {
        var library = Path.Combine(AppContext.BaseDirectory, "runtimes", RuntimeInformation.RuntimeIdentifier, "native", "libe_sqlite3.so");
        if (NativeProgram.Compile("ingest", library, $"-Wl,-rpath,{Path.GetDirectoryName(library)}", "-lm") is not { } program)
            return null;
        var ingest = new NativeIngest(program, folder);
        HistoryStore.Create(ingest.Empty, LongHistory.Info).Dispose();
        using var connection = new SqliteConnection($"Data Source={database};Mode=ReadOnly;Pooling=False");
        connection.Open();
        var statements = Query(connection, "SELECT sql || ';' FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL").Select(row => row.GetString(0));
        File.WriteAllLines(ingest.Indexes, statements);
        using var rows = new BufferedStream(File.Create(ingest.Rows), 1 << 20);
        foreach (var table in Tables)
            Dump(connection, table, rows);
        return ingest;
    }

    /// <returns>CPU seconds of loading, and of making the indexes.</returns>
    public (double Load, double Indexes) Run(int rowsPerStatement)
    {
        var database = Path.Combine(_folder.FullName, "native.db");
        File.Copy(Empty, database, overwrite: true);
        var times = _program.Run(database, Rows, Indexes, rowsPerStatement.ToString(CultureInfo.InvariantCulture))[0].Split(' ');
        return (double.Parse(times[0], CultureInfo.InvariantCulture), double.Parse(times[1], CultureInfo.InvariantCulture));
    }

    public void Dispose() => _program.Dispose();

    /// <summary>Rows without an order of their own come in that of the primary key, as the tool stores them.</summary>
    private static void Dump(SqliteConnection connection, string table, Stream stream)
    {
        var columns = Query(connection, $"SELECT name FROM pragma_table_info('{table}')").Select(row => row.GetString(0)).ToList();
        var count = Query(connection, $"SELECT count(*) FROM {table}").Select(row => row.GetInt64(0)).Single();
        var text = Encoding.UTF8.GetBytes($"{table}({string.Join(',', columns)})");
        Array.Resize(ref text, (text.Length / sizeof(long) * sizeof(long)) + sizeof(long));
        Word(stream, text.Length / sizeof(long));
        stream.Write(text);
        Word(stream, columns.Count);
        Word(stream, count);
        foreach (var row in Query(connection, $"SELECT * FROM {table}"))
        {
            for (var i = 0; i < columns.Count; i++)
                Word(stream, row.IsDBNull(i) ? long.MinValue : row.GetInt64(i));
        }
    }

    private static IEnumerable<SqliteDataReader> Query(SqliteConnection connection, string sql)
    {
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        using var reader = command.ExecuteReader();
        while (reader.Read())
            yield return reader;
    }

    private static void Word(Stream stream, long value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, value);
        stream.Write(bytes);
    }
}
