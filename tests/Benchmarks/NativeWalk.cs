using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Replay.Trace;

namespace Replay.Benchmarks;

/// <summary>The stream of a capture through <c>native/walk.c</c>: what C takes for a cache of translations and a walk.</summary>
internal static class NativeWalk
{
    /// <returns>CPU seconds of each round, or null where there is no C compiler.</returns>
    public static Samples? Measure(ITraceSource source, int rounds)
    {
        var folder = Directory.CreateTempSubdirectory("replay-benchmark-");
        try
        {
            var program = Path.Combine(folder.FullName, "walk");
            if (Run("cc", "-O3", "-march=native", "-o", program, Path.Combine(AppContext.BaseDirectory, "native", "walk.c")) is null)
                return null;
            var dump = Path.Combine(folder.FullName, "accesses");
            Dump(source, dump);
            var lines = Run(program, dump, rounds.ToString(CultureInfo.InvariantCulture))!.Split('\n', StringSplitOptions.RemoveEmptyEntries);
            return new Samples([.. lines[..rounds].Select(line => double.Parse(line, CultureInfo.InvariantCulture))]);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static void Dump(ITraceSource source, string path)
    {
        using var file = File.Create(path, 1 << 20);
        var chunk = new TraceChunk();
        var rows = new ulong[TraceChunk.Capacity * 2];
        while (source.TryRead(chunk))
        {
            for (var i = 0; i < chunk.AccessCount; i++)
                (rows[2 * i], rows[(2 * i) + 1]) = (chunk.Gvas[i], chunk.Gpas[i]);
            file.Write(MemoryMarshal.AsBytes(rows.AsSpan(0, 2 * chunk.AccessCount)));
        }
    }

    /// <exception cref="InvalidOperationException">It ran and failed.</exception>
    private static string? Run(string program, params string[] arguments)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, UseShellExecute = false })!;
            var output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return process.ExitCode == 0 ? output : throw new InvalidOperationException($"{program} failed with {process.ExitCode}.");
        }
        catch (Win32Exception)
        {
            return null;
        }
    }
}
