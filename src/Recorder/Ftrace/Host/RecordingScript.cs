using System.Globalization;
using System.Reflection;

namespace Replay.Recorder.Ftrace.Host;

/// <summary>The shell script that records a trace on a host: POSIX, without anything that has to be installed there.</summary>
public static class RecordingScript
{
    private const string File = "record-host.sh";

    /// <summary>Kernels whose registers and offsets are known, and which releases (as a pattern of the shell) they fit.</summary>
    private static readonly (string Kernel, string Releases)[] Known = [("6.1", "6.1|6.1.*|6.1-*"), ("6.12", "6.12|6.12.*|6.12-*")];

    public static IReadOnlyList<string> Kernels { get; } = [.. Known.Select(known => known.Kernel)];

    /// <param name="kernel">One of <see cref="Kernels"/>.</param>
    /// <param name="pid">The process whose threads are recorded; null: all.</param>
    /// <param name="seconds">How long.</param>
    /// <param name="bufferKb">The ring buffer of each CPU.</param>
    /// <param name="output">The file that the script writes.</param>
    public static string Text(string kernel, int? pid, int seconds, int bufferKb, string output)
    {
        var releases = Known.First(known => known.Kernel == kernel).Releases;
        var lines = Read($"probes-{kernel}.txt").Split('\n', StringSplitOptions.RemoveEmptyEntries).ToLookup(line => line.StartsWith("o ", StringComparison.Ordinal));
        return Read(File)
            .Replace("@KERNEL@", kernel, StringComparison.Ordinal)
            .Replace("@MATCH@", releases, StringComparison.Ordinal)
            .Replace("@SECONDS@", seconds.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal)
            .Replace("@PID@", pid?.ToString(CultureInfo.InvariantCulture) ?? "", StringComparison.Ordinal)
            .Replace("@BUFFER@", bufferKb.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal)
            .Replace("@OUTPUT@", output, StringComparison.Ordinal)
            .Replace("@OFFSETS@", string.Join('\n', lines[true]), StringComparison.Ordinal)
            .Replace("@PROBES@", string.Join('\n', lines[false]), StringComparison.Ordinal);
    }

    private static string Read(string name)
    {
        using var stream = Assembly.GetExecutingAssembly().GetManifestResourceStream($"Replay.Recorder.{name}")!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd().ReplaceLineEndings("\n");
    }
}
