using System.Globalization;

namespace Replay.Trace.Storage;

/// <summary>The names of the files in a capture.</summary>
internal static class CaptureLayout
{
    public const string Manifest = "manifest.json";

    /// <summary>Suffix of a file that is still being written. Readers pass over it.</summary>
    public const string Partial = ".partial";

    public const string AccessPattern = "accesses-*.parquet";

    public const string EventPattern = "events-*.parquet";

    /// <summary>What the footer of each file says of it: the version of the format.</summary>
    public static ReadOnlySpan<(string Key, string Value)> FileMetadata => Version;

    private static readonly (string Key, string Value)[] Version = [("replay.capture", CaptureManifest.CurrentVersion.ToString(CultureInfo.InvariantCulture))];

    public static string AccessFile(int part) => $"accesses-{part:D5}.parquet";

    public static string EventFile(int part) => $"events-{part:D5}.parquet";

    /// <summary>The touch index of a part. No manifest names it: it may be made, and removed, at any time.</summary>
    public static string TouchFile(int part) => $"touches-{part:D5}.parquet";

    /// <summary>Whether a capture may have a file of this name, finished or partial.</summary>
    public static bool Owns(string name)
    {
        var stem = name.EndsWith(Partial, StringComparison.Ordinal) ? name.AsSpan(0, name.Length - Partial.Length) : name;
        return stem is Manifest
            || (stem.EndsWith(".parquet", StringComparison.Ordinal)
                && (stem.StartsWith("accesses-", StringComparison.Ordinal) || stem.StartsWith("events-", StringComparison.Ordinal) || stem.StartsWith("touches-", StringComparison.Ordinal)));
    }
}
