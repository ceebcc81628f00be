using System.Globalization;
using System.Text;
using Replay.Trace;

namespace Replay.Cli.Commands;

/// <summary>A capture's stream as text, one line an access or event.</summary>
internal static class CaptureLines
{
    public static IEnumerable<string> Read(
        string path, long first, long last, CaptureFilter filter, string[] kinds, bool noAccesses, CancellationToken cancellation)
    {
        foreach (var kind in kinds)
        {
            if (kind != "access" && !TraceEventKindName.TryParse(kind, out _))
                throw new UsageException($"--kind {kind}: choose from access, {string.Join(", ", Enum.GetValues<TraceEventKind>().Select(TraceEventKindName.Of))}.");
        }

        return Lines(path, first, last, filter, kinds, noAccesses || (kinds.Length > 0 && !kinds.Contains("access")), cancellation);
    }

    private static IEnumerable<string> Lines(
        string path, long first, long last, CaptureFilter filter, string[] kinds, bool noAccesses, CancellationToken cancellation)
    {
        using var reader = CaptureReader.Open(path, new CaptureReaderOptions { Search = filter.Search });
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
                        yield return Access(chunk, access);
                }

                if (row.Ordinal > last)
                    yield break;
                if (filter.Takes(row) && (kinds.Length == 0 || kinds.Contains(TraceEventKindName.Of(row.Kind))))
                    yield return Event(row);
            }

            for (; access < chunk.AccessCount; access++)
            {
                if (chunk.Ordinals[access] > last)
                    yield break;
                if (!noAccesses && filter.Takes(chunk, access))
                    yield return Access(chunk, access);
            }
        }
    }

    private static string Access(TraceChunk chunk, int i)
    {
        var kind = (AccessKind)chunk.Kinds[i];
        var who = ((AccessFlags)chunk.Flags[i] & AccessFlags.User) != 0 ? "user" : "kernel";
        var rip = chunk.HasRips ? $" rip 0x{chunk.Rips[i]:x}" : "";
        return $"{chunk.Ordinals[i],12}  vcpu {chunk.Vcpus[i]}  {kind.ToString().ToLowerInvariant(),-16} {who,-6} gva 0x{chunk.Gvas[i]:x} gpa 0x{chunk.Gpas[i]:x} size {chunk.Sizes[i]}{rip}";
    }

    private static string Event(in TraceEvent row)
    {
        var text = new StringBuilder($"{row.Ordinal,12}  vcpu {row.Vcpu}  {TraceEventKindName.Of(row.Kind),-16}");
        Append(text, "access", row.Access?.ToString().ToLowerInvariant());
        Append(text, "flags", row.Flags is { } flags && flags != AccessFlags.None ? flags.ToString().ToLowerInvariant() : null);
        Append(text, "gva", Hex(row.Gva));
        Append(text, "l2_gpa", Hex(row.L2Gpa));
        Append(text, "gpa", Hex(row.Gpa));
        Append(text, "size", row.Size?.ToString(CultureInfo.InvariantCulture));
        Append(text, "value", Hex(row.Value));
        Append(text, "error", Hex(row.ErrorCode));
        Append(text, "rip", Hex(row.Rip));
        Append(text, "data", row.Data is { } data ? $"{data.Length} bytes" : null);
        Append(text, "detail", row.Detail);
        return text.ToString();
    }

    private static void Append(StringBuilder text, string name, string? value)
    {
        if (value is not null)
            text.Append(' ').Append(name).Append(' ').Append(value);
    }

    private static string? Hex(ulong? value) => value is { } number ? $"0x{number:x}" : null;
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
