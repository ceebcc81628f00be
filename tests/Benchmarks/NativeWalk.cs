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
        using var program = NativeProgram.Compile("walk");
        if (program is null)
            return null;
        var dump = Path.GetTempFileName();
        try
        {
            Dump(source, dump);
            var lines = program.Run(dump, rounds.ToString(CultureInfo.InvariantCulture));
            return new Samples([.. lines[..rounds].Select(line => double.Parse(line, CultureInfo.InvariantCulture))]);
        }
        finally
        {
            File.Delete(dump);
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
}
