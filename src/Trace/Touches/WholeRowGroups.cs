namespace Replay.Trace.Storage;

/// <summary>
/// Reads all of a row group where the touches of an index do not suffice, and holds the index against it. Its own reader of access files: whoever
/// asks may be on any thread.
/// </summary>
internal sealed class WholeRowGroups(string directory, CaptureManifest manifest) : IDisposable
{
    private readonly Lock _lock = new();
    private readonly PartContent _content = new();
    private readonly AccessFileReader _file = new(manifest.HasRips, manifest.Vcpus);
    private readonly TouchFinder _finder = new();
    private readonly RowGroupFile _single = new(manifest.HasRips, manifest.Vcpus);
    private readonly TraceChunk _sample = new();
    private int _open = -1;

    /// <summary>Reads all of a row group.</summary>
    /// <param name="chunk">The touches of it, or of a stretch of it.</param>
    /// <param name="touched">What the index says of the others.</param>
    /// <param name="into">Gets all accesses, and nothing else.</param>
    /// <exception cref="CaptureFormatException">The capture is damaged, or the index is not of it.</exception>
    public void Read(TraceChunk chunk, TouchedRows touched, TraceChunk into)
    {
        var (_, part, group, rows, lastOrdinal) = touched.Group;
        lock (_lock)
        {
            Open(part);
            PartReader.Guard(PathOf(part), () =>
            {
                if (group >= _file.RowGroups)
                    throw new InvalidDataException("it has fewer row groups than its index says");
                into.Clear();
                _file.Read(group, into);
            });
            if (into.AccessCount != rows || _file.LastOrdinal(group) != lastOrdinal || !IsRight(chunk, touched, into))
                throw Wrong(part, group);
        }
    }

    /// <summary>Holds the touches of a row group against it, and reads nothing else for that.</summary>
    /// <exception cref="CaptureFormatException">The index is not of it, or either is damaged.</exception>
    public void Sample(TraceChunk chunk, TouchedRows touched)
    {
        var (_, part, group, rows, lastOrdinal) = touched.Group;
        lock (_lock)
        {
            PartReader.Guard(PathOf(part), () =>
            {
                _single.Open(PathOf(part));
                if (group >= _single.RowGroups)
                    throw new InvalidDataException("it has fewer row groups than its index says");
                _sample.Clear();
                _single.Read(group, _sample);
            });
            if (_sample.AccessCount != rows || _single.LastOrdinal(group) != lastOrdinal || !IsRight(chunk, touched, _sample))
                throw Wrong(part, group);
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            _file.Dispose();
            _single.Dispose();
        }
    }

    private void Open(int part)
    {
        if (_open == part)
            return;
        _open = -1;
        var content = _content.Load(PathOf(part), manifest.Parts[part].AccessSha256);
        PartReader.Guard(PathOf(part), () => _file.Open(content));
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
