namespace Replay.Trace;

/// <summary>
/// What an event must be so that it can be replayed. Whatever a guest does passes; what does not was never recorded, whatever checksums say.
/// </summary>
public static class EventRules
{
    public const int PageSize = 4096;

    /// <summary>An instruction stores at most a vector register.</summary>
    private const uint MaxStore = 64;

    private const int MaxCpl = 3;
    private const int MaxLevel = 3;
    private const int MaxTableLevel = 5;
    private const ulong MaxFrame = (1UL << 40) - 1;

    /// <exception cref="CaptureFormatException">It is no such event; the message names its ordinal.</exception>
    public static void Check(in TraceEvent row)
    {
        var fault = row.Kind switch
        {
            TraceEventKind.PageTableStore or TraceEventKind.Mmio => Size(row, MaxStore),
            TraceEventKind.ImplicitAccess => Size(row, PageSize),
            TraceEventKind.PageImage => row.Data is null or { Length: 0 or PageSize } ? null : $"its page has {row.Data.Length} bytes",
            TraceEventKind.HostInvalidate or TraceEventKind.HostAge => Range(row.Gpa ?? 0, row.Value ?? 0),
            _ => null,
        };
        if (fault is not null)
            throw Refusal(row, fault);
    }

    /// <exception cref="CaptureFormatException">It is no state of a vCPU.</exception>
    public static void Check(in TraceEvent row, VcpuState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        if (state.Cpl is < 0 or > MaxCpl)
            throw Refusal(row, $"its CPL is {state.Cpl}");
    }

    /// <exception cref="CaptureFormatException">No host answers so.</exception>
    public static void Check(in TraceEvent row, HostAnswer answer)
    {
        ArgumentNullException.ThrowIfNull(answer);
        if (answer.Level is < 1 or > MaxLevel)
            throw Refusal(row, $"the host maps at level {answer.Level}");
        foreach (var page in answer.Pages)
        {
            if (page.Gfn > MaxFrame || page.Pfn > MaxFrame)
                throw Refusal(row, $"frame {Math.Max(page.Gfn, page.Pfn):x} is beyond physical addresses");
        }

        foreach (var range in answer.Invalidated ?? [])
        {
            if (Range(range.Gpa, range.Length) is { } fault)
                throw Refusal(row, fault);
        }
    }

    /// <exception cref="CaptureFormatException">No tables hold that.</exception>
    public static void Check(in TraceEvent row, EarlierMappings mappings)
    {
        ArgumentNullException.ThrowIfNull(mappings);
        foreach (var (level, page, _) in mappings.Pages)
        {
            if (level is < 1 or > MaxLevel)
                throw Refusal(row, $"a page was mapped at level {level}");
            if (page.Gfn > MaxFrame || page.Pfn > MaxFrame)
                throw Refusal(row, $"frame {Math.Max(page.Gfn, page.Pfn):x} is beyond physical addresses");
        }

        foreach (var (level, gfn) in mappings.Tables)
        {
            if (level is < 1 or > MaxTableLevel || gfn > MaxFrame)
                throw Refusal(row, $"a table of level {level} stood at frame {gfn:x}");
        }
    }

    private static string? Size(in TraceEvent row, uint max) => row.Size is null or >= 1 && !(row.Size > max) ? null : $"it is of {row.Size} bytes";

    private static string? Range(ulong gpa, ulong length) => length <= ulong.MaxValue - gpa ? null : $"its range of {length:#,0} bytes goes round behind the last address";

    private static CaptureFormatException Refusal(in TraceEvent row, string fault) =>
        new($"Event {row.Ordinal} ({row.Kind}): {fault}. Record the capture again.");
}
