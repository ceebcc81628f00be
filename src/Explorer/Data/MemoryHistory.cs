using Replay.Analyzer.Query;

namespace Replay.Explorer.Data;

/// <summary>
/// The memory images of one run. The writes are read once, in order, and an image is kept every so many of them; any other is the nearest
/// before it and the writes up to it, so that only the first look at a long history takes time.
/// </summary>
internal sealed class MemoryHistory
{
    private const int WritesBetweenImages = 400_000;

    /// <summary>Few columns, since every one of every row is a call: the ordinal with the kind behind it, the entry's place, its frame, its bits.</summary>
    private const string Writes =
        """
        SELECT ordinal << 2 | CASE new_kind WHEN 'page' THEN 1 WHEN 'huge' THEN 2 WHEN 'mmio' THEN 3 ELSE 0 END, table_id << 9 | idx, gfn, new
        FROM table_write WHERE run = :run AND ordinal > :from AND ordinal <= :to ORDER BY run, ordinal, seq
        """;

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
            var writes = 0;
            var dirty = run.IsEpt ? EptDirty : X86Dirty;
            var parameters = new Dictionary<string, SqlValue>(StringComparer.Ordinal) { ["run"] = run.Number, ["from"] = SqlValue.Of(from.Ordinal), ["to"] = SqlValue.Of(ordinal) };
            using var rows = run.Session.Runner.Execute(Writes, parameters, QueryLimits.None, run.Session.Cancellation);
            rows.NextResult();
            while (rows.Read())
            {
                var key = rows.Integer(0);
                var at = key >> 2;
                if (writes++ >= WritesBetweenImages && at != image.Ordinal)
                {
                    Keep(image);
                    writes = 0;
                }

                image.Ordinal = at;
                var place = rows.Integer(1);
                image.Write(place >> 9, (int)(place & (MemoryImage.Entries - 1)), rows.Integer(2), Frame((int)key & 3, rows.Integer(3), dirty));
            }

            image.Ordinal = ordinal;
            return _last = image;
        }
    }

    private static MemoryImage.Frame Frame(int kind, long bits, long dirty) => kind switch
    {
        0 => MemoryImage.Frame.None,
        3 => MemoryImage.Frame.Mmio,
        _ => MemoryImage.Frame.Mapped
            | ((bits & Writable) != 0 ? MemoryImage.Frame.Writable : MemoryImage.Frame.None)
            | ((bits & dirty) != 0 ? MemoryImage.Frame.Dirty : MemoryImage.Frame.None)
            | (kind == 2 ? MemoryImage.Frame.Huge : MemoryImage.Frame.None),
    };

    private void Keep(MemoryImage image)
    {
        if (_images[^1].Ordinal < image.Ordinal)
            _images.Add(image.Copy());
    }
}
