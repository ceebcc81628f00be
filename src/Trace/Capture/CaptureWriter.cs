using System.Runtime.InteropServices;
using Replay.Trace.Columns;
using Replay.Trace.Storage;

namespace Replay.Trace;

/// <summary>
/// Writes a capture: takes chunks, cuts them into parts, and encodes on a thread of its own. A part is durable
/// once a manifest on the disk names it; a process killed at any moment loses at most the part in flight. Calls come from one thread at a time.
/// </summary>
public sealed class CaptureWriter : ITraceSink, IDisposable
{
    private readonly CaptureWriterOptions _options;
    private readonly CaptureEncoder _encoder;
    private readonly Effort _effort;
    private readonly bool _hasRips;
    private readonly int _vcpus;
    private TraceChunk _accesses;
    private EventBlock _events;
    private long _lastOrdinal = -1;
    private long _accessesTaken;
    private long _eventsTaken;
    private long _partAccesses;
    private long _partEvents;
    private long _partEventBytes;
    private bool _ended;

    private CaptureWriter(string directory, CaptureManifest manifest, CaptureWriterOptions options)
    {
        _options = options;
        _hasRips = manifest.HasRips;
        _vcpus = manifest.Vcpus;
        TakesBlocks = options.Hasty && manifest.Filter is null;
        _effort = Effort.For(manifest, options.Hasty);
        _encoder = new CaptureEncoder(directory, manifest, _effort, options.QueueBlocks, options.Index);
        _accesses = _encoder.AccessBlocks.Take();
        _events = _encoder.EventBlocks.Take();
    }

    /// <summary>The manifest as it stands: the parts that are durable, and what <see cref="Amend"/> added.</summary>
    public CaptureManifest Manifest => _encoder.Manifest;

    /// <summary>Whether <see cref="Write(AccessBlock, ReadOnlySpan{TraceEvent})"/> encodes as these options want it: in haste, and every access.</summary>
    public bool TakesBlocks { get; }

    /// <summary>How far it is. May be read from any thread.</summary>
    public CaptureWriterStatistics Statistics
    {
        get
        {
            var parts = Manifest.Parts;
            return new CaptureWriterStatistics(
                Volatile.Read(ref _accessesTaken),
                Volatile.Read(ref _eventsTaken),
                parts.Count,
                parts.Sum(part => part.Bytes),
                _encoder.AccessBlocks.Stalls + _encoder.NumberedBlocks.Stalls + _encoder.EventBlocks.Stalls,
                _encoder.AccessBlocks.StallTime + _encoder.NumberedBlocks.StallTime + _encoder.EventBlocks.StallTime);
        }
    }

    /// <summary>Makes the directory and its first manifest, which says that the capture is incomplete.</summary>
    /// <param name="directory">The capture, usually <c>NAME.capture</c>.</param>
    /// <param name="manifest">What is known at the start. Format, version, completeness and parts are set by the writer.</param>
    /// <param name="options">Null for the defaults.</param>
    /// <exception cref="ArgumentException">The manifest is none that a reader would take.</exception>
    /// <exception cref="IOException">Something stands there already and may not be replaced, or the disk refuses.</exception>
    public static CaptureWriter Create(string directory, CaptureManifest manifest, CaptureWriterOptions? options = null)
    {
        options ??= CaptureWriterOptions.Default;
        var start = manifest with
        {
            Format = CaptureManifest.FormatName,
            Version = CaptureManifest.CurrentVersion,
            Complete = false,
            EndReason = null,
            Parts = [],
        };
        ManifestRules.Demand(start);
        CaptureDirectory.Create(directory, options.Force);
        return new CaptureWriter(directory, start, options);
    }

    /// <summary>Removes a capture that was just made, since what it was made of was refused. No writer has it open.</summary>
    public static void Withdraw(string directory) => CaptureDirectory.Remove(directory);

    /// <summary>Takes one chunk. Waits only when the encoder is <see cref="CaptureWriterOptions.QueueBlocks"/> behind.</summary>
    /// <exception cref="ArgumentException">
    /// Ordinals do not ascend, an access or event is none that a capture can hold, or instruction addresses are missing that the manifest promises.
    /// </exception>
    /// <exception cref="IOException">The encoder could not write (now or at an earlier call).</exception>
    public void Write(TraceChunk chunk)
    {
        ObjectDisposedException.ThrowIf(_ended, this);
        if (_hasRips && !chunk.HasRips && chunk.AccessCount > 0)
            throw new ArgumentException("The manifest says hasRips, but the chunk has none.");
        AccessRules.Check(chunk, _vcpus);
        _lastOrdinal = ChunkOrder.Check(chunk, _lastOrdinal) ?? throw new ArgumentException($"Ordinals must ascend strictly across accesses and events, chunk by chunk (last written: {_lastOrdinal}).");
        var access = 0;
        var row = 0;
        while (access < chunk.AccessCount || row < chunk.Events.Count)
        {
            access += TakeAccesses(chunk, access);
            row += TakeEvents(CollectionsMarshal.AsSpan(chunk.Events), row, access < chunk.AccessCount ? chunk.Ordinals[access] : long.MaxValue);
            EndPartIfFull();
        }
    }

    /// <summary>
    /// Takes a block of accesses, a row group to be, and the events before, between and behind them. Waits only when the encoder is
    /// <see cref="CaptureWriterOptions.QueueBlocks"/> behind.
    /// </summary>
    /// <param name="block">From <see cref="TakeBlock"/>; it is the writer's from here on.</param>
    /// <param name="events">Copied.</param>
    /// <exception cref="ArgumentException">As for a chunk.</exception>
    /// <exception cref="IOException">The encoder could not write (now or at an earlier call).</exception>
    public void Write(AccessBlock block, ReadOnlySpan<TraceEvent> events)
    {
        ObjectDisposedException.ThrowIf(_ended, this);
        _lastOrdinal = BlockRules.Check(block, events, _vcpus, _lastOrdinal);
        if (_accesses.AccessCount > 0)
            SubmitAccesses();
        TakeEvents(events, 0, long.MaxValue);
        if (block.Count > 0)
        {
            _partAccesses += block.Count;
            _accessesTaken += block.Count;
            _encoder.Write(block);
        }
        else
        {
            _encoder.NumberedBlocks.Return(block);
        }
        EndPartIfFull();
    }

    /// <summary>An empty block to fill, for a source that numbers pages and instructions itself. It waits where the encoder is behind.</summary>
    public AccessBlock TakeBlock() => _encoder.NumberedBlocks.Take();

    /// <summary>Ends the part in flight, if it holds anything. When this returns, all that was written is durable: the manifest names it.</summary>
    /// <exception cref="IOException">The encoder could not write.</exception>
    public void ClosePart()
    {
        ObjectDisposedException.ThrowIf(_ended, this);
        EndPart(wait: true);
    }

    /// <summary>Changes the manifest by what became known while recording. It is written with the next part.</summary>
    public void Amend(Func<CaptureManifest, CaptureManifest> change) => _encoder.Amend(change);

    /// <summary>Closes the last part and says in the manifest that nothing is missing.</summary>
    /// <param name="endReason">See <see cref="CaptureManifest.EndReason"/>.</param>
    /// <param name="accessesSeen">See <see cref="CaptureManifest.AccessesSeen"/>.</param>
    /// <returns>The manifest that was written.</returns>
    public CaptureManifest Complete(string endReason, long accessesSeen)
    {
        ObjectDisposedException.ThrowIf(_ended, this);
        EndPart(wait: true);
        _ended = true;
        Amend(manifest => manifest with { Complete = true, EndReason = endReason, AccessesSeen = accessesSeen });
        _encoder.Complete();
        return Manifest;
    }

    /// <summary>Without a <see cref="Complete"/> before it: keeps what was written and leaves the capture marked incomplete.</summary>
    public void Dispose()
    {
        if (!_ended)
        {
            _ended = true;
            if (!_encoder.HasFailed)
                EndPart(wait: false);
        }
        _encoder.Dispose();
    }

    private int TakeAccesses(TraceChunk chunk, int start)
    {
        var count = Math.Min(chunk.AccessCount - start, _effort.GroupAccesses - _accesses.AccessCount);
        _accesses.HasRips = _hasRips;
        _accesses.AppendAccesses(chunk, start, count);
        _partAccesses += count;
        _accessesTaken += count;
        if (_accesses.AccessCount == _effort.GroupAccesses)
            SubmitAccesses();
        return count;
    }

    private int TakeEvents(ReadOnlySpan<TraceEvent> events, int start, long before)
    {
        var row = start;
        for (; row < events.Length && events[row].Ordinal < before; row++)
        {
            _events.Add(events[row]);
            _partEventBytes += EventBlock.PayloadBytes(events[row]);
            if (_events.IsFull)
                SubmitEvents();
        }
        _partEvents += row - start;
        _eventsTaken += row - start;
        return row - start;
    }

    /// <summary>Everything below the next ordinal is in this part now, so that the part may end here.</summary>
    private void EndPartIfFull()
    {
        if (_partAccesses >= _options.PartAccesses || _partEvents >= _options.PartEvents || _partEventBytes >= _options.PartEventBytes)
            EndPart(wait: false);
    }

    private void EndPart(bool wait)
    {
        if (_accesses.AccessCount > 0)
            SubmitAccesses();
        if (_events.Events.Count > 0)
            SubmitEvents();
        _partAccesses = 0;
        _partEvents = 0;
        _partEventBytes = 0;
        _encoder.ClosePart(wait);
    }

    private void SubmitAccesses()
    {
        _encoder.Write(_accesses);
        _accesses = _encoder.AccessBlocks.Take();
    }

    private void SubmitEvents()
    {
        _encoder.Write(_events);
        _events = _encoder.EventBlocks.Take();
    }
}

/// <summary>How a capture is cut into parts and how far its producer may run ahead of the disk.</summary>
public sealed record CaptureWriterOptions
{
    public static CaptureWriterOptions Default { get; } = new();

    /// <summary>Replace a capture that stands at the same place. Nothing but a capture is ever replaced.</summary>
    public bool Force { get; init; }

    /// <summary>Accesses after which a part is closed.</summary>
    public long PartAccesses { get; init; } = 64L * TraceChunk.Capacity;

    /// <summary>Events after which a part is closed.</summary>
    public long PartEvents { get; init; } = 1 << 19;

    /// <summary>Bytes of page images and JSON documents after which a part is closed.</summary>
    public long PartEventBytes { get; init; } = 64 << 20;

    /// <summary>
    /// Trade bytes for time in a capture of every access: two or three times the size, in half the time. For producers that must not wait.
    /// </summary>
    public bool Hasty { get; init; }

    /// <summary>Make a touch index of a capture of every access, by which replays read a few thousandths of it.</summary>
    public bool Index { get; init; } = true;

    /// <summary>Blocks of accesses, a row group each, that may wait for the encoder before <see cref="CaptureWriter.Write(TraceChunk)"/> waits too.</summary>
    public int QueueBlocks { get; init; } = 4;
}

/// <summary>What a <see cref="CaptureWriter"/> has taken and written so far.</summary>
/// <param name="Accesses">Accesses taken.</param>
/// <param name="Events">Events taken.</param>
/// <param name="Parts">Parts that are durable.</param>
/// <param name="Bytes">Bytes of the durable parts.</param>
/// <param name="Stalls">How often the producer had to wait for the encoder.</param>
/// <param name="StallTime">How long it waited altogether.</param>
public readonly record struct CaptureWriterStatistics(long Accesses, long Events, int Parts, long Bytes, long Stalls, TimeSpan StallTime);
