using Replay.Trace.Columns;
using Replay.Trace.Storage;
using Replay.Trace.Touches;

namespace Replay.Trace;

/// <summary>The touch index of a capture: which accesses of each row group do not repeat others. Made with the capture, or later.</summary>
public static class CaptureIndex
{
    /// <summary>Makes the index anew, part by part. What the capture is does not change: no manifest tells of its index.</summary>
    /// <param name="directory">The capture.</param>
    /// <param name="progress">Told the accesses read so far.</param>
    /// <param name="cancellation">Looked at between parts. What was made until then stays.</param>
    /// <returns>Touches in the index, and bytes of it.</returns>
    /// <exception cref="ArgumentException">The capture is page-filtered: it has no repetitions to leave out.</exception>
    /// <exception cref="CaptureFormatException">The capture cannot be read.</exception>
    public static (long Touches, long Bytes) Make(string directory, Action<long>? progress = null, CancellationToken cancellation = default)
    {
        using var reader = CaptureReader.Open(directory);
        var manifest = reader.Manifest;
        if (manifest.Filter is not null)
            throw new ArgumentException($"{directory}: is page-filtered: it has no repetitions that an index could leave out.");
        using var accesses = new AccessFileReader(manifest.HasRips, manifest.Vcpus);
        using var touches = new TouchFileWriter(manifest.HasRips);
        var content = new PartContent();
        var group = new TraceChunk();
        var (bytes, done) = (0L, 0L);
        for (var number = 0; number < manifest.Parts.Count; number++)
        {
            cancellation.ThrowIfCancellationRequested();
            var part = manifest.Parts[number];
            var path = Path.Combine(directory, part.AccessFile);
            var file = content.Load(path, part.AccessSha256);
            PartReader.Guard(path, () =>
            {
                accesses.Open(file);
                for (var i = 0; i < accesses.RowGroups; i++)
                {
                    accesses.Read(i, group);
                    touches.Add(group, Crc32C.Of(accesses.BytesOf(i)));
                    progress?.Invoke(done += group.AccessCount);
                }
            });
            var index = touches.Finish(part.AccessSha256);
            DurableFile.WriteAside(Path.Combine(directory, CaptureLayout.TouchFile(number)), index);
            bytes += index.Length;
        }
        return (touches.Total, bytes);
    }
}
