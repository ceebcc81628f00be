using System.Globalization;
using System.Text.Json.Serialization;

namespace Replay.Trace;

/// <summary>What <c>manifest.json</c> says of a capture: format, source, how it was made, and its parts with their checksums.</summary>
public sealed record CaptureManifest
{
    /// <summary>The format this tool writes, and the newest it reads.</summary>
    public const int CurrentVersion = 2;

    public const string FormatName = "replay-capture";

    public string Format { get; init; } = FormatName;

    public int Version { get; init; } = CurrentVersion;

    /// <summary>False while the recording runs; a capture whose recorder died stays so.</summary>
    public bool Complete { get; init; }

    /// <summary>Where the stream came from: <c>qemu</c>, <c>bochs</c>, <c>synthetic</c>, <c>ftrace</c>.</summary>
    public required string Source { get; init; }

    /// <summary>Version of the tool that wrote it.</summary>
    public required string Tool { get; init; }

    /// <summary>How it was made: the command, the workload and its seed, versions of programs used; free keys, sorted.</summary>
    public SortedDictionary<string, string> Origin { get; init; } = new(StringComparer.Ordinal);

    public int Vcpus { get; init; } = 1;

    /// <summary>Bytes of guest RAM.</summary>
    public ulong MemoryBytes { get; init; }

    /// <summary>Null: every access was recorded. Otherwise the page filter that dropped accesses and the rule by which it forgot.</summary>
    public FilterRule? Filter { get; init; }

    /// <summary>Accesses carry the address of their instruction.</summary>
    public bool HasRips { get; init; }

    /// <summary>Why the recording ended: <c>guest-exit</c>, <c>interrupted</c>, <c>max-accesses</c>, <c>stop-at</c>, <c>qemu-failed</c>, ...</summary>
    public string? EndReason { get; init; }

    /// <summary>What the source could not see and the recorder could not make up for, by name.</summary>
    public List<string> Blind { get; init; } = [];

    /// <summary>
    /// VMRUN and VMXON instructions that the recorder met and did not follow. From the first on, accesses of a nested guest may stand in the
    /// stream as its hypervisor's, at addresses that the hypervisor's page tables do not give: such a capture is not exact.
    /// </summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public long NestedNotFollowed { get; init; }

    /// <summary>Accesses the guest made, recorded or dropped by the filter.</summary>
    public long AccessesSeen { get; init; }

    public List<CapturePart> Parts { get; init; } = [];

    /// <summary>
    /// SHA-256 of <c>manifest.json</c> itself, taken with these 64 digits as zeros: the last key of the file. Filled where the file is written.
    /// </summary>
    public string Checksum { get; init; } = "";

    /// <summary>
    /// <see cref="NestedNotFollowed"/>, and of captures that are older than that key what <see cref="Blind"/> says in words.
    /// </summary>
    public long CountNestedNotFollowed()
    {
        if (NestedNotFollowed > 0)
            return NestedNotFollowed;
        var told = Blind.Find(static what => what.Contains(" VMRUN instructions", StringComparison.Ordinal));
        return told is null ? 0 : long.TryParse(told.AsSpan(0, told.IndexOf(' ')), NumberStyles.None, CultureInfo.InvariantCulture, out var count) ? count : 1;
    }
}

/// <summary>One part of a capture: a pair of Parquet files, durable since both stand in the manifest.</summary>
public sealed record CapturePart
{
    /// <summary>File name of the accesses, relative to the capture.</summary>
    public required string AccessFile { get; init; }

    /// <summary>File name of the events.</summary>
    public required string EventFile { get; init; }

    public required string AccessSha256 { get; init; }

    public required string EventSha256 { get; init; }

    public long FirstOrdinal { get; init; }

    public long LastOrdinal { get; init; }

    public long Accesses { get; init; }

    public long Events { get; init; }

    /// <summary>Bytes of both files.</summary>
    public long Bytes { get; init; }
}
