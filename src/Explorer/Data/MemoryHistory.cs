using Replay.Analyzer.Store;

namespace Replay.Explorer.Data;

/// <summary>
/// The memory images of one run. The writes are read once, in order, and an image is kept every so many of them; any other is the nearest
/// before it and the writes up to it, so that only the first look at a long history takes time.
/// </summary>
internal sealed class MemoryHistory
{
    private const int WritesBetweenImages = 400_000;

    private const int WritesBetweenLooks = 1 << 16;

    private const long Writable = 2;
    private const long EptDirty = 1 << 9;
    private const long X86Dirty = 1 << 6;

    private readonly Lock _lock = new();
    private readonly List<MemoryImage> _images = [new()];
    private MemoryImage _last = new();

    /// <summary>The image after an event. It is not changed any more.</summary>
    /// <exception cref="OperationCanceledException">Cancelled; what was read up to the last image that is kept is not read again.</exception>
    public MemoryImage At(RunSession run, long ordinal)
    {
        lock (_lock)
        {
            if (_last.Ordinal == ordinal)
                return _last;
            var from = _images.FindLast(image => image.Ordinal <= ordinal)!;
            if (_last.Ordinal <= ordinal && _last.Ordinal > from.Ordinal)
                from = _last;
            var image = from.Copy();
            var dirty = run.IsEpt ? EptDirty : X86Dirty;
            using var writes = EntryWrites.Read(run.Session.Database, run.Run, from.Ordinal, ordinal);
            for (var count = 0; writes.Next(); count++)
            {
                if ((count & (WritesBetweenLooks - 1)) == 0)
                    run.Session.Cancellation.ThrowIfCancellationRequested();
                if (count >= WritesBetweenImages && writes.Ordinal != image.Ordinal)
                {
                    Keep(image);
                    count = 0;
                }

                image.Ordinal = writes.Ordinal;
                image.Write(writes.TableId, writes.Index, writes.Gfn, Frame(writes.Kind, writes.Value, dirty));
            }

            image.Ordinal = ordinal;
            return _last = image;
        }
    }

    private static MemoryImage.Frame Frame(EntryKind kind, long bits, long dirty) => kind switch
    {
        EntryKind.Mmio => MemoryImage.Frame.Mmio,
        EntryKind.Page or EntryKind.Huge => MemoryImage.Frame.Mapped
            | ((bits & Writable) != 0 ? MemoryImage.Frame.Writable : MemoryImage.Frame.None)
            | ((bits & dirty) != 0 ? MemoryImage.Frame.Dirty : MemoryImage.Frame.None)
            | (kind == EntryKind.Huge ? MemoryImage.Frame.Huge : MemoryImage.Frame.None),
        _ => MemoryImage.Frame.None,
    };

    private void Keep(MemoryImage image)
    {
        if (_images[^1].Ordinal < image.Ordinal)
            _images.Add(image.Copy());
    }
}
