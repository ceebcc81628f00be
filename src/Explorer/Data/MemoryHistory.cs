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

    /// <summary>Writes that are taken back rather than read anew.</summary>
    private const int MostBack = 4096;

    private const long Writable = 2;
    private const long EptDirty = 1 << 9;
    private const long X86Dirty = 1 << 6;

    private readonly Lock _lock = new();
    private readonly List<MemoryImage> _images = [new()];
    private MemoryImage _last = new();

    /// <summary>Shows the image after an event; it is the next caller's when <paramref name="look"/> ends.</summary>
    /// <exception cref="OperationCanceledException">Cancelled; what was read up to the last image that is kept is not read again.</exception>
    public void See(RunSession run, long ordinal, Action<MemoryImage> look)
    {
        lock (_lock)
        {
            // Whoever gives up in the middle leaves nothing that is half changed.
            var last = _last;
            _last = new MemoryImage();
            look(_last = TryBack(run, last, ordinal) ?? Forward(run, last, ordinal));
        }
    }

    private MemoryImage Forward(RunSession run, MemoryImage last, long ordinal)
    {
        var from = _images.FindLast(kept => kept.Ordinal <= ordinal)!;
        var image = last.Ordinal <= ordinal && last.Ordinal >= from.Ordinal ? last : from.Copy();
        var dirty = Dirty(run);
        using var writes = EntryWrites.Read(run.Session.Database, run.Run, image.Ordinal, ordinal);
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
        return image;
    }

    /// <summary>A few writes back: each leaves what was there before it. Null: it is not back, or too far.</summary>
    private static MemoryImage? TryBack(RunSession run, MemoryImage image, long ordinal)
    {
        if (ordinal >= image.Ordinal || ordinal < 0)
            return null;
        var dirty = Dirty(run);
        var undone = new List<(long Table, int Index, long Gfn, MemoryImage.Frame Frame)>();
        using var writes = EntryWrites.Read(run.Session.Database, run.Run, ordinal, image.Ordinal);
        while (writes.Next())
        {
            // What was there before is not always known of an entry that a trace shows.
            if (undone.Count == MostBack || run.Run.Mode == "observed")
                return null;
            undone.Add((writes.TableId, writes.Index, writes.Gfn, Frame(writes.OldKind, writes.OldValue, dirty)));
        }

        for (var i = undone.Count - 1; i >= 0; i--)
            image.Write(undone[i].Table, undone[i].Index, undone[i].Gfn, undone[i].Frame);
        image.Ordinal = ordinal;
        return image;
    }

    private static long Dirty(RunSession run) => run.IsEpt ? EptDirty : X86Dirty;

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
