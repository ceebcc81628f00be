using System.Globalization;
using System.IO.Compression;

namespace Replay.RealKvm;

/// <summary>Makes a case folder for <c>replay conform</c> of what one run left: traces and tables with names in place of addresses, and the proof that the trace is whole.</summary>
internal static class CaseWriter
{
    private static readonly string[] Copied = ["case.json", "state.txt", "console.txt", "cpuid.txt", "trace-stats.txt"];

    /// <summary>Writes the case.</summary>
    /// <returns>What the proof says.</returns>
    /// <exception cref="FormatException">A file of the run is not what the VMM and ftrace write.</exception>
    public static TraceProof Write(string raw, string folder)
    {
        Directory.CreateDirectory(folder);
        var host = Host.Load(raw);
        var events = RawEvent.Read(Path.Combine(raw, "trace.txt")).ToList();
        var dumps = Dump.Read(Path.Combine(raw, "tables.txt")).ToList();
        var proof = TraceProof.Of(events, dumps, host);
        foreach (var name in Copied)
            File.Copy(Path.Combine(raw, name), Path.Combine(folder, name), overwrite: true);
        Compress(Path.Combine(folder, "trace.norm.txt.gz"), TraceNormalizer.Normalize(events, host));
        Compress(Path.Combine(folder, "tables.norm.txt.gz"), TablesNormalizer.Normalize(dumps, host));
        using (var packed = Create(Path.Combine(folder, "mem-initial.pages.gz")))
        using (var pages = File.OpenRead(Path.Combine(raw, "mem-initial.pages")))
            pages.CopyTo(packed);
        File.WriteAllLines(
            Path.Combine(folder, "event-counts.txt"),
            events.CountBy(e => e.Name).OrderBy(count => count.Key, StringComparer.Ordinal).Select(count => string.Create(CultureInfo.InvariantCulture, $"{count.Value,7} {count.Key}")));
        File.WriteAllLines(Path.Combine(folder, "proof.txt"), [proof.ToString(), .. proof.Shown]);
        return proof;
    }

    private static GZipStream Create(string path) => new(File.Create(path), CompressionLevel.Optimal);

    private static void Compress(string path, List<string> lines)
    {
        using var writer = new StreamWriter(Create(path)) { NewLine = "\n" };
        foreach (var line in lines)
            writer.WriteLine(line);
    }
}
