using System.IO.Compression;
using System.Text.Json;
using Replay.Replayer;

namespace Replay.Analyzer.Conformance;

/// <summary>One recorded case of a real KVM: <c>case.json</c> and the files beside it.</summary>
public sealed record ConformanceCase
{
    /// <summary>Folder of the case.</summary>
    public required string Folder { get; init; }

    /// <summary>Payload and variant, such as <c>lm4k.dirty4k</c>.</summary>
    public required string Name { get; init; }

    public required string GuestPath { get; init; }

    public required MmuMode Mode { get; init; }

    public required string HostProfile { get; init; }

    public required ulong MemoryBytes { get; init; }

    public required ulong Entry { get; init; }

    /// <summary>Transparent huge pages back the guest.</summary>
    public required bool HugePages { get; init; }

    public required bool Populated { get; init; }

    public required bool DirtyLog { get; init; }

    /// <summary>What the VMM does at each checkpoint: <c>reslot</c>, <c>mprotect</c>, or null.</summary>
    public string? AtCheckpoint { get; init; }

    /// <exception cref="ConformanceCaseException">The folder holds no readable case.</exception>
    public static ConformanceCase Load(string folder)
    {
        var path = Path.Combine(folder, "case.json");
        try
        {
            using var json = JsonDocument.Parse(File.ReadAllBytes(path));
            var root = json.RootElement;
            var modeName = root.GetProperty("mmu").GetString()!;
            if (!MmuModes.TryParse(modeName, out var mode))
                throw new ConformanceCaseException($"{path}: mode '{modeName}' is not known");
            return new ConformanceCase
            {
                Folder = folder,
                Name = Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder))),
                GuestPath = Path.GetFullPath(Path.Combine(folder, root.GetProperty("guest").GetString()!)),
                Mode = mode,
                HostProfile = root.GetProperty("host_profile").GetString()!,
                MemoryBytes = root.GetProperty("memory_bytes").GetUInt64(),
                Entry = Convert.ToUInt64(root.GetProperty("entry").GetString(), 16),
                HugePages = root.GetProperty("host_pages").GetString() == "thp",
                Populated = root.GetProperty("host_populated").GetBoolean(),
                DirtyLog = root.GetProperty("dirty_log").GetBoolean(),
                AtCheckpoint = root.GetProperty("at_checkpoint").GetString(),
            };
        }
        catch (Exception exception) when (exception is JsonException or KeyNotFoundException or FormatException or InvalidOperationException)
        {
            throw new ConformanceCaseException($"{path}: not a conformance case ({exception.Message})", exception);
        }
    }

    /// <summary>What the real KVM did.</summary>
    public ConformanceSequences ReadObserved(bool accessedDirtyEnabled)
    {
        using var file = File.OpenRead(Path.Combine(Folder, "trace.norm.txt.gz"));
        using var text = new StreamReader(new GZipStream(file, CompressionMode.Decompress));
        return ObservedTrace.Parse(text, Mode.UsesEptFormat(), accessedDirtyEnabled);
    }
}
