using Replay.Trace.Storage;
using Replay.Trace.Touches;

namespace Replay.Trace;

/// <summary>
/// Reads a capture as a stream of chunks. Every byte is checked against the manifest's checksums before it is decoded. A capture whose
/// recorder died reads up to its last durable part. Calls come from one thread at a time.
/// </summary>
public sealed class CaptureReader : ITraceSource, IDisposable
{
    private readonly string _directory;
    private readonly CaptureReaderOptions _options;
    private readonly WholeRowGroups _whole;
    private readonly PartReader _part;
    private readonly List<string> _indexProblems = [];
    private ChunkPump? _pump;
    private int _nextPart;
    private bool _partOpen;
    private long _skipTo;

    private CaptureReader(string directory, CaptureManifest manifest, CaptureReaderOptions options)
    {
        _directory = directory;
        _options = options;
        Manifest = manifest;
        _whole = new WholeRowGroups(directory, manifest);
        _part = new PartReader(directory, manifest, _whole);
        IsIndexed = manifest.Parts.Count > 0 && Enumerable.Range(0, manifest.Parts.Count).All(part => File.Exists(Path.Combine(directory, CaptureLayout.TouchFile(part))));
    }

    public CaptureManifest Manifest { get; }

    /// <summary>Every part has a touch index.</summary>
    public bool IsIndexed { get; }

    /// <summary>Indexes that were to be used and could not be: their parts are read as if they had none.</summary>
    public IReadOnlyList<string> IndexProblems => _indexProblems;

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
        // Decoding touches costs less than handing them over.
        if (!_options.DecodeAhead || ((_options.TouchesOnly || _options.Search is not null) && IsIndexed))
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

    /// <summary>
    /// Reads every part and checks its checksum, without decoding it; where it has an index, decodes it and checks that. The position stays.
    /// </summary>
    /// <exception cref="CaptureFormatException">A part is missing or damaged, or an index is wrong.</exception>
    public void Verify()
    {
        using var whole = new WholeRowGroups(_directory, Manifest);
        using var part = new PartReader(_directory, Manifest, whole);
        for (var number = 0; number < Manifest.Parts.Count; number++)
            part.Verify(number);
    }

    /// <summary>What the capture has of nested guests. Reads its events, and none of its accesses; the position stays.</summary>
    /// <returns>Null: there is none.</returns>
    /// <exception cref="CaptureFormatException">A part is missing or damaged.</exception>
    public NestedFigures? ReadNestedFigures()
    {
        if (Manifest.Version < NestedFigures.FirstVersion)
            return null;
        var figures = new NestedFigures();
        ReadEvents(figures.Count);
        return figures.Entries == 0 ? null : figures;
    }

    /// <summary>Reads the events of the whole capture, and none of its accesses; the position stays.</summary>
    /// <param name="take">Gets them in their order, a stretch at a time; the list is used again.</param>
    /// <exception cref="CaptureFormatException">A part is missing or damaged.</exception>
    public void ReadEvents(Action<List<TraceEvent>> take)
    {
        using var part = new PartReader(_directory, Manifest, _whole);
        foreach (var entry in Manifest.Parts)
            part.ReadEvents(entry, take);
    }

    /// <summary>How the guest first entered a guest of its own. Of the events only the row group that has it is decoded; the position stays.</summary>
    /// <returns>Null: it never did.</returns>
    /// <exception cref="CaptureFormatException">A part is missing or damaged.</exception>
    public NestedEntry? ReadFirstNestedEntry()
    {
        if (Manifest.Version < NestedFigures.FirstVersion)
            return null;
        using var part = new PartReader(_directory, Manifest, _whole);
        foreach (var entry in Manifest.Parts)
        {
            if (part.FirstEvent(entry, TraceEventKind.NestedEnter) is { } row)
                return EventDetail.ReadNestedEntry(row);
        }

        return null;
    }

    public void Dispose()
    {
        StopPump();
        _part.Dispose();
        _whole.Dispose();
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
            OpenPart(_nextPart);
            _nextPart++;
        }
    }

    private void OpenPart(int number)
    {
        // Where reading begins in the middle of a part, what it repeats may lie before.
        var skips = _skipTo > Manifest.Parts[number].FirstOrdinal;
        _part.Open(number, _options.TouchesOnly && !skips, _options.Search);
        if (_part.IndexProblem is { } problem)
            _indexProblems.Add(problem);
        if (skips)
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

    /// <summary>
    /// Leave out accesses that repeat others, where the capture has an index that tells them: chunks then have <see cref="TraceChunk.Touched"/>. For
    /// whoever knows what to do with them, as a replay does.
    /// </summary>
    public bool TouchesOnly { get; init; }

    /// <summary>
    /// Leave out row groups that have none of the accesses, or of the events, that are sought, where the capture has an index that tells them. What
    /// comes has them, and others.
    /// </summary>
    public AccessSearch? Search { get; init; }

    /// <summary>Chunks that may be decoded ahead.</summary>
    public int AheadChunks { get; init; } = 4;
}
