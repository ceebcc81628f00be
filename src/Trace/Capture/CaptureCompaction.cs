using Replay.Trace.Storage;

namespace Replay.Trace;

/// <summary>Rewrites a capture that was recorded in haste, so that it takes a half or a third of the bytes.</summary>
public static class CaptureCompaction
{
    /// <summary>Key of the manifest's origin that says which version of the tool rewrote the capture.</summary>
    public const string OriginKey = "compacted";

    /// <summary>Writes the capture anew into another directory. Its accesses, their row groups, its events and its index are the same.</summary>
    /// <param name="from">A capture of every access.</param>
    /// <param name="to">The directory to make. Until it is whole it has no manifest, and it is removed where it does not come to that.</param>
    /// <param name="tool">Version of the tool, for the origin.</param>
    /// <param name="force">Replace a capture that stands there.</param>
    /// <param name="progress">Told the accesses rewritten so far, by any thread, one at a time.</param>
    /// <param name="cancellation">Looked at between parts.</param>
    /// <returns>The manifest of the new capture.</returns>
    /// <exception cref="ArgumentException">The capture is page-filtered: it is as small as it gets. Or both are the same.</exception>
    /// <exception cref="CaptureExistsException">Something stands there already.</exception>
    /// <exception cref="CaptureFormatException">The capture cannot be read.</exception>
    /// <exception cref="OperationCanceledException">Cancelled; nothing stays.</exception>
    public static CaptureManifest Make(string from, string to, string tool, bool force = false, Action<long>? progress = null, CancellationToken cancellation = default)
    {
        CaptureManifest manifest;
        using (var reader = CaptureReader.Open(from))
            manifest = reader.Manifest;
        if (manifest.Filter is not null)
            throw new ArgumentException($"{from}: is page-filtered: such captures are packed as far as it goes.");
        if (Path.GetFullPath(Path.TrimEndingDirectorySeparator(from)) == Path.GetFullPath(Path.TrimEndingDirectorySeparator(to)))
            throw new ArgumentException($"{from}: cannot be rewritten in its own place. Name another directory.");
        CaptureDirectory.Create(to, force);
        try
        {
            var parts = Rewrite(manifest, from, to, progress, cancellation);
            DurableFile.FlushDirectory(to);
            manifest = manifest with
            {
                Parts = parts,
                Origin = new SortedDictionary<string, string>(manifest.Origin, StringComparer.Ordinal) { [OriginKey] = tool },
            };
            ManifestFile.Write(to, manifest);
            return manifest;
        }
        catch
        {
            Remove(to);
            throw;
        }
    }

    private static List<CapturePart> Rewrite(CaptureManifest manifest, string from, string to, Action<long>? progress, CancellationToken cancellation)
    {
        var parts = new CapturePart[manifest.Parts.Count];
        var done = 0L;
        var reporting = new Lock();
        try
        {
            Parallel.For(
                0,
                parts.Length,
                new ParallelOptions { CancellationToken = cancellation, MaxDegreeOfParallelism = Environment.ProcessorCount },
                () => new PartCompactor(manifest, from, to),
                (number, _, compactor) =>
                {
                    parts[number] = compactor.Rewrite(number);
                    lock (reporting)
                        progress?.Invoke(done += parts[number].Accesses);
                    return compactor;
                },
                static compactor => compactor.Dispose());
        }
        catch (AggregateException failures)
        {
            // Each thread fails for itself; the first part's word stands for all.
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(failures.InnerExceptions[0]);
        }

        return [.. parts];
    }

    /// <summary>What was written so far: no manifest names it.</summary>
    private static void Remove(string directory)
    {
        foreach (var file in Directory.GetFiles(directory))
        {
            if (CaptureLayout.Owns(Path.GetFileName(file)))
                File.Delete(file);
        }

        if (!Directory.EnumerateFileSystemEntries(directory).Any())
            Directory.Delete(directory);
    }
}
