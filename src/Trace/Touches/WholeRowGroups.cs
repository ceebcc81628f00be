using Replay.Trace.Storage;

namespace Replay.Trace.Touches;

/// <summary>
/// Reads all of a row group where the touches of an index do not suffice, and holds the index against it. Its own reader of access files: whoever
/// asks may be on any thread.
/// </summary>
internal sealed class WholeRowGroups(string directory, CaptureManifest manifest) : IDisposable
{
    private readonly Lock _lock = new();
    private readonly RowGroupFile _file = new(manifest.HasRips, manifest.Vcpus);
    private readonly TouchFinder _finder = new();
    private readonly TraceChunk _sample = new();
    private int _open = -1;

    /// <summary>Reads all of a row group.</summary>
    /// <param name="chunk">The touches of it, or of a stretch of it.</param>
    /// <param name="touched">What the index says of the others.</param>
    /// <param name="into">Gets all accesses, and nothing else.</param>
    /// <exception cref="CaptureFormatException">The capture is damaged, or the index is not of it.</exception>
    public void Read(TraceChunk chunk, TouchedRows touched, TraceChunk into)
    {
        var (_, part, group, rows, lastOrdinal, checksum) = touched.Group;
        lock (_lock)
        {
            PartReader.Guard(PathOf(part), () =>
            {
                Open(part);
                into.Clear();
                _file.Read(group, into, checksum);
            });
            if (into.AccessCount != rows || _file.LastOrdinal(group) != lastOrdinal || !IsRight(chunk, touched, into))
                throw Wrong(part, group);
        }
    }

    /// <summary>Holds the touches of a row group against it.</summary>
    /// <exception cref="CaptureFormatException">The index is not of it, or either is damaged.</exception>
    public void Check(TraceChunk chunk, TouchedRows touched) => Read(chunk, touched, _sample);

    public void Dispose()
    {
        lock (_lock)
            _file.Dispose();
    }

    private void Open(int part)
    {
        if (_open == part)
            return;
        _open = -1;
        _file.Open(PathOf(part));
        _open = part;
    }

    /// <summary>Whether the touches of a stretch are those that all its accesses have.</summary>
    private bool IsRight(TraceChunk chunk, TouchedRows touched, TraceChunk all)
    {
        _finder.Find(new ChunkRows(all));
        var found = _finder.Rows;
        var rows = touched.Rows;
        var start = rows.IsEmpty ? -1 : found.IndexOf(rows[0]);
        if (start < 0 || found.Length - start < rows.Length || !found.Slice(start, rows.Length).SequenceEqual(rows))
            return false;
        if (start + rows.Length == found.Length ? touched.End != all.AccessCount : touched.End != found[start + rows.Length])
            return false;
        for (var i = 0; i < rows.Length; i++)
        {
            if (!IsSame(chunk, i, all, rows[i]))
                return false;
        }
        return true;
    }

    private static bool IsSame(TraceChunk a, int i, TraceChunk b, int j) =>
        a.Ordinals[i] == b.Ordinals[j] && a.Gvas[i] == b.Gvas[j] && a.Gpas[i] == b.Gpas[j] && a.Kinds[i] == b.Kinds[j] && a.Flags[i] == b.Flags[j]
        && a.Vcpus[i] == b.Vcpus[j] && a.Sizes[i] == b.Sizes[j] && (!a.HasRips || a.Rips[i] == b.Rips[j]);

    private string PathOf(int part) => Path.Combine(directory, manifest.Parts[part].AccessFile);

    private CaptureFormatException Wrong(int part, int group) =>
        new($"{Path.Combine(directory, CaptureLayout.TouchFile(part))}: wrong: it is not what row group {group} of {manifest.Parts[part].AccessFile} gives. Make it anew with 'replay index', or read the capture with --no-index.");
}
