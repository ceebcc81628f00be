using Replay.Trace.Storage;

namespace Replay.Trace;

/// <summary>
/// Reads a capture as a stream of chunks. Every byte is checked against the manifest's checksums before it is decoded. A capture whose
/// recorder died reads up to its last durable part. Calls come from one thread at a time.
/// </summary>
public sealed class CaptureReader : ITraceSource, IDisposable
{
    private readonly string _directory;
    private readonly CaptureReaderOptions _options;
    private readonly PartReader _part;
    private ChunkPump? _pump;
    private int _nextPart;
    private bool _partOpen;
    private long _skipTo;

    private CaptureReader(string directory, CaptureManifest manifest, CaptureReaderOptions options)
    {
        _directory = directory;
        _options = options;
        Manifest = manifest;
        _part = new PartReader(directory, manifest);
    }

    public CaptureManifest Manifest { get; }

    /// <summary>Opens a capture: reads its manifest and sees that its files are there. Parts are checked as they are read.</summary>
    /// <param name="directory">The capture.</param>
    /// <param name="options">Null for the defaults.</param>
    /// <exception cref="DirectoryNotFoundException">No such directory.</exception>
    /// <exception cref="CaptureFormatException">Not a capture, damaged, or of a newer version.</exception>
    public static CaptureReader Open(string directory, CaptureReaderOptions? options = null)
    {
        if (!Directory.Exists(directory))
            throw new DirectoryNotFoundException($"{directory}: no such capture.");
        var manifest = ManifestFile.Read(directory);
        CaptureDirectory.CheckFiles(directory, manifest);
        return new CaptureReader(directory, manifest, options ?? CaptureReaderOptions.Default);
    }

    /// <inheritdoc/>
    public bool TryRead(TraceChunk chunk)
    {
        if (!_options.DecodeAhead)
            return Decode(chunk);
        _pump ??= new ChunkPump(Decode, _options.AheadChunks);
        return _pump.TryRead(chunk);
    }

    /// <summary>Moves to the first access or event whose ordinal is <paramref name="ordinal"/> or higher. Forwards or backwards.</summary>
    public void Seek(long ordinal)
    {
        StopPump();
        _skipTo = ordinal;
        _partOpen = false;
        _nextPart = Manifest.Parts.FindIndex(part => part.LastOrdinal >= ordinal);
        if (_nextPart < 0)
            _nextPart = Manifest.Parts.Count;
    }

    /// <summary>Reads every part and checks its checksum, without decoding it. The position stays.</summary>
    /// <exception cref="CaptureFormatException">A part is missing or damaged.</exception>
    public void Verify()
    {
        using var part = new PartReader(_directory, Manifest);
        foreach (var entry in Manifest.Parts)
            part.Verify(entry);
    }

    /// <summary>What the capture has of nested guests. Reads its events, and none of its accesses; the position stays.</summary>
    /// <returns>Null: there is none.</returns>
    /// <exception cref="CaptureFormatException">A part is missing or damaged.</exception>
    public NestedFigures? ReadNestedFigures()
    {
        if (Manifest.Version < NestedFigures.FirstVersion)
            return null;
        var figures = new NestedFigures();
        using var part = new PartReader(_directory, Manifest);
        foreach (var entry in Manifest.Parts)
            part.ReadEvents(entry, figures.Count);
        return figures.Entries == 0 ? null : figures;
    }

    public void Dispose()
    {
        StopPump();
        _part.Dispose();
    }

    private void StopPump()
    {
        _pump?.Dispose();
        _pump = null;
    }

    private bool Decode(TraceChunk chunk)
    {
        while (true)
        {
            if (_partOpen && _part.TryRead(chunk))
                return true;
            chunk.Clear();
            if (_nextPart == Manifest.Parts.Count)
                return false;
            OpenPart(Manifest.Parts[_nextPart]);
            _nextPart++;
        }
    }

    private void OpenPart(CapturePart part)
    {
        _part.Open(part);
        if (_skipTo > part.FirstOrdinal)
            _part.SkipTo(_skipTo);
        _partOpen = true;
    }
}

/// <summary>How a capture is read.</summary>
public sealed record CaptureReaderOptions
{
    public static CaptureReaderOptions Default { get; } = new();

    /// <summary>Decode on a thread of its own, ahead of the caller. The chunks and their order are the same either way.</summary>
    public bool DecodeAhead { get; init; }

    /// <summary>Chunks that may be decoded ahead.</summary>
    public int AheadChunks { get; init; } = 4;
}
