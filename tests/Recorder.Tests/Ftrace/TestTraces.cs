using System.IO.Compression;
using System.Runtime.CompilerServices;

namespace Replay.Recorder.Tests.Ftrace;

/// <summary>The traces of tests/data/ftrace.</summary>
internal static class TestTraces
{
    public static string Folder { get; } = Find();

    public static byte[] Read(string name)
    {
        using var file = File.OpenRead(Path.Combine(Folder, name));
        using var text = new MemoryStream();
        if (name.EndsWith(".gz", StringComparison.Ordinal))
        {
            using var unzipped = new GZipStream(file, CompressionMode.Decompress);
            unzipped.CopyTo(text);
        }
        else
        {
            file.CopyTo(text);
        }

        return text.ToArray();
    }

    private static string Find([CallerFilePath] string here = "")
    {
        foreach (var start in new[] { Path.GetDirectoryName(here), AppContext.BaseDirectory })
        {
            for (var folder = start; folder is not null; folder = Path.GetDirectoryName(folder))
            {
                var found = Path.Combine(folder, "tests", "data", "ftrace");
                if (Directory.Exists(found))
                    return found;
            }
        }

        throw new InvalidOperationException("tests/data/ftrace was not found above the tests.");
    }
}
