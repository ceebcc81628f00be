namespace Replay.Trace.Storage;

/// <summary>What must hold in a manifest beyond the types of its keys.</summary>
internal static class ManifestRules
{
    private const int MaxVcpus = 256;

    /// <exception cref="ArgumentException">A recorder made a manifest that no reader would take.</exception>
    public static void Demand(CaptureManifest manifest)
    {
        try
        {
            Check(manifest, "manifest");
        }
        catch (CaptureFormatException error)
        {
            throw new ArgumentException(error.Message, nameof(manifest), error);
        }
    }

    /// <exception cref="CaptureFormatException">A rule does not hold.</exception>
    public static void Check(CaptureManifest manifest, string path)
    {
        Demand(manifest.Vcpus is >= 1 and <= MaxVcpus, path, $"vcpus is {manifest.Vcpus}, not 1 to {MaxVcpus}");
        Demand(manifest.AccessesSeen >= 0, path, "accessesSeen is negative");
        Demand(manifest.NestedNotFollowed >= 0, path, "nestedNotFollowed is negative");
        if (manifest.Filter is { } filter)
        {
            Demand(filter.Entries > 0 && int.IsPow2(filter.Entries), path, $"filter.entries is {filter.Entries}, not a power of two");
            Demand(filter.EpochLength > 0, path, "filter.epochLength is not positive");
        }
        var next = 0L;
        for (var i = 0; i < manifest.Parts.Count; i++)
        {
            var part = manifest.Parts[i] ?? throw Broken(path, $"parts[{i}] is null");
            Demand(part.AccessFile == CaptureLayout.AccessFile(i) && part.EventFile == CaptureLayout.EventFile(i), path, $"parts[{i}] names other files than {CaptureLayout.AccessFile(i)} and {CaptureLayout.EventFile(i)}");
            Demand(IsDigest(part.AccessSha256) && IsDigest(part.EventSha256), path, $"parts[{i}] has a checksum that is none");
            Demand(part.Accesses >= 0 && part.Events >= 0 && part.Bytes >= 0, path, $"parts[{i}] has a negative count");
            if (part.Accesses + part.Events == 0)
                continue;
            Demand(part.FirstOrdinal >= next && part.LastOrdinal >= part.FirstOrdinal, path, $"parts[{i}] does not follow the part before it");
            Demand(part.LastOrdinal < long.MaxValue, path, $"parts[{i}] ends beyond the last ordinal there is");
            next = part.LastOrdinal + 1;
        }
    }

    private static bool IsDigest(string text) => text.Length == 64 && text.All(char.IsAsciiHexDigitLower);

    private static void Demand(bool holds, string path, string what)
    {
        if (!holds)
            throw Broken(path, what);
    }

    private static CaptureFormatException Broken(string path, string what) => new($"{path}: damaged manifest: {what}. Copy or record the capture again.");
}
