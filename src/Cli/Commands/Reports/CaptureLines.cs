using Replay.Trace;
using Replay.Trace.Touches;

namespace Replay.Cli.Commands;

/// <summary>A capture's stream as text, one line an access or event.</summary>
internal static class CaptureLines
{
    public static IEnumerable<string> Read(
        string path, long first, long last, CaptureFilter filter, string[] kinds, bool noAccesses, Func<CaptureReader, CaptureFormat> format, CancellationToken cancellation)
    {
        foreach (var kind in kinds)
        {
            if (kind != "access" && !TraceEventKindName.TryParse(kind, out _))
                throw new UsageException($"--kind {kind}: {DidYouMean.Choose(kind, Enum.GetValues<TraceEventKind>().Select(TraceEventKindName.Of).Prepend("access"))}");
        }

        return Lines(path, first, last, filter, kinds, noAccesses || (kinds.Length > 0 && !kinds.Contains("access")), format, cancellation);
    }

    private static IEnumerable<string> Lines(
        string path, long first, long last, CaptureFilter filter, string[] kinds, bool noAccesses, Func<CaptureReader, CaptureFormat> formatOf, CancellationToken cancellation)
    {
        using var reader = CaptureReader.Open(path, new CaptureReaderOptions { Search = filter.Search });
        if (reader.Manifest.Parts is [.., var end] && first > end.LastOrdinal)
            throw new UsageException($"RANGE {first}: the capture holds events {reader.Manifest.Parts[0].FirstOrdinal} to {end.LastOrdinal}.");
        var format = formatOf(reader);
        reader.Seek(first);
        var chunk = new TraceChunk();
        while (reader.TryRead(chunk))
        {
            cancellation.ThrowIfCancellationRequested();
            var access = 0;
            foreach (var row in chunk.Events)
            {
                for (; access < chunk.AccessCount && chunk.Ordinals[access] < row.Ordinal; access++)
                {
                    if (!noAccesses && chunk.Ordinals[access] <= last && filter.Takes(chunk, access))
                        yield return format.Access(chunk, access);
                }

                if (row.Ordinal > last)
                    yield break;
                if (filter.Takes(row) && (kinds.Length == 0 || kinds.Contains(TraceEventKindName.Of(row.Kind))))
                    yield return format.Event(row);
            }

            for (; access < chunk.AccessCount; access++)
            {
                if (chunk.Ordinals[access] > last)
                    yield break;
                if (!noAccesses && filter.Takes(chunk, access))
                    yield return format.Access(chunk, access);
            }
        }
    }
}

/// <summary>Which accesses and events of a capture are wanted.</summary>
/// <param name="Gfn">Of this frame.</param>
/// <param name="Gpa">Of these guest-physical bytes, the last included.</param>
/// <param name="Gva">Of these guest-virtual bytes.</param>
/// <param name="WritesOnly">Stores alone.</param>
internal sealed record CaptureFilter(long? Gfn, (ulong First, ulong Last)? Gpa, (ulong First, ulong Last)? Gva, bool WritesOnly)
{
    /// <summary>What decides which parts of a capture have to be read; null where all have to.</summary>
    public AccessSearch? Search =>
        Gfn is null && Gpa is null && Gva is null ? null : new AccessSearch(Gfn is { } gfn ? ((ulong)gfn, (ulong)gfn) : Pages(Gpa), Pages(Gva), WritesOnly);

    public bool Takes(TraceChunk chunk, int i) =>
        (!WritesOnly || (AccessKind)chunk.Kinds[i] == AccessKind.Write) && Takes(chunk.Gpas[i], chunk.Gvas[i], chunk.Sizes[i]);

    public bool Takes(in TraceEvent row) =>
        (!WritesOnly || row.Kind == TraceEventKind.PageTableStore || row.Access == AccessKind.Write) && Takes(row.Gpa, row.Gva, row.Size ?? 1);

    private bool Takes(ulong? gpa, ulong? gva, uint size) =>
        (Gfn is null || gpa >> 12 == (ulong)Gfn.Value) && Meets(Gpa, gpa, size) && Meets(Gva, gva, size);

    private static (ulong First, ulong Last)? Pages((ulong First, ulong Last)? bytes) => bytes is { } range ? (range.First >> 12, range.Last >> 12) : null;

    private static bool Meets((ulong First, ulong Last)? range, ulong? address, uint size) =>
        range is not { } bytes || (address is { } first && first <= bytes.Last && first + Math.Max(size, 1) - 1 >= bytes.First);
}
