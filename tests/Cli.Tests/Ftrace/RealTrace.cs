using System.IO.Compression;
using System.Text;

namespace Replay.Cli.Tests.Ftrace;

/// <summary>The traces of tests/data/ftrace.</summary>
internal static class RealTrace
{
    private static readonly string Folder = Find();

    public static string PathOf(string name) => Path.Combine(Folder, name);

    public static string Text(string trace)
    {
        using var unzipped = new GZipStream(File.OpenRead(PathOf($"{trace}.trace.gz")), CompressionMode.Decompress);
        using var reader = new StreamReader(unzipped, Encoding.Latin1);
        return reader.ReadToEnd();
    }

    /// <summary>What a host without probes shows.</summary>
    public static string Stock(string text) =>
        string.Join('\n', text.Split('\n').Where(line => !line.Contains(": (", StringComparison.Ordinal) && !line.Contains("tracing_mark_write", StringComparison.Ordinal)));

    private static string Find()
    {
        for (var folder = AppContext.BaseDirectory; folder is not null; folder = Path.GetDirectoryName(folder))
        {
            var path = Path.Combine(folder, "tests", "data", "ftrace");
            if (Directory.Exists(path))
                return path;
        }

        throw new InvalidOperationException("tests/data/ftrace was not found above the tests.");
    }
}
