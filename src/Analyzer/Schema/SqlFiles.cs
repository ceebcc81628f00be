using System.Reflection;

namespace Replay.Analyzer.Schema;

/// <summary>The SQL files of <c>schemas/db</c>, as they are embedded in this assembly. All SQL that defines anything lives there.</summary>
internal static class SqlFiles
{
    private const string Root = "db/";

    /// <summary>Migrations by number: the first makes version 1.</summary>
    public static IReadOnlyList<SqlFile> Migrations { get; } = Load("migrations/");

    public static IReadOnlyList<SqlFile> Views { get; } = Load("views/");

    public static IReadOnlyList<SqlFile> Queries { get; } = Load("queries/");

    public static SqlFile Indexes { get; } = Load("indexes.sql")[0];

    private static List<SqlFile> Load(string prefix)
    {
        var assembly = typeof(SqlFiles).Assembly;
        var files = new List<SqlFile>();
        foreach (var resource in assembly.GetManifestResourceNames())
        {
            var path = resource.Replace('\\', '/');
            if (path.StartsWith(Root + prefix, StringComparison.Ordinal))
                files.Add(new SqlFile(Path.GetFileNameWithoutExtension(path), Read(assembly, resource)));
        }

        files.Sort((left, right) => string.CompareOrdinal(left.Name, right.Name));
        return files;
    }

    private static string Read(Assembly assembly, string resource)
    {
        using var reader = new StreamReader(assembly.GetManifestResourceStream(resource)!);
        return reader.ReadToEnd();
    }
}

/// <summary>One file of <c>schemas/db</c>.</summary>
/// <param name="Name">File name without directory and extension.</param>
/// <param name="Text">Its whole content.</param>
internal sealed record SqlFile(string Name, string Text);
