namespace Replay.Recorder.Ftrace;

/// <summary>How tracefs, trace-cmd and perf say that events were lost, and people that they left some out.</summary>
/// <remarks>
/// <code>
/// CPU:2 [LOST 1234 EVENTS]                     trace, trace-cmd
/// CPU:2 [LOST EVENTS]                          the same, where the number is not known
/// CPU:2 [1234 EVENTS DROPPED]                  trace-cmd
/// ... PERF_RECORD_LOST lost 1234               perf script --show-lost-events
/// ...., [...], &lt;snip&gt;                           whoever pasted the trace
/// # entries-in-buffer/entries-written: 10/30   the head of trace: 20 were overwritten before it was read
/// </code>
/// </remarks>
internal static class LossMarker
{
    /// <summary>True: the line is such a marker.</summary>
    /// <param name="line">The line.</param>
    /// <param name="cpu">Whose buffer, -1: not said.</param>
    /// <param name="events">How many, -1: not said.</param>
    public static bool TryParse(ReadOnlySpan<byte> line, out int cpu, out long events)
    {
        cpu = -1;
        events = -1;
        if (IsLeftOut(line))
            return true;
        if (line.StartsWith("CPU:"u8))
            return TryBracket(line, out cpu, out events);
        var perf = line.IndexOf("PERF_RECORD_LOST"u8);
        if (perf < 0)
            return false;
        var scanner = new FieldScanner(line[perf..]);
        if (scanner.Find("lost "u8) && scanner.TryDecimal(out var lost))
            events = lost;
        return true;
    }

    /// <summary>Events that were overwritten before the trace was read, from the head of a tracefs trace; 0 where it is no such line.</summary>
    public static long Overwritten(ReadOnlySpan<byte> comment)
    {
        var scanner = new FieldScanner(comment);
        if (!scanner.Find("entries-in-buffer/entries-written: "u8) || !scanner.TryDecimal(out var there) || !scanner.Skip("/"u8) || !scanner.TryDecimal(out var written))
            return 0;
        return Math.Max(0, (long)written - there);
    }

    /// <summary>Dots alone, or in brackets with words or without; snip with marks around it.</summary>
    private static bool IsLeftOut(ReadOnlySpan<byte> line)
    {
        var isBracketed = line is [(byte)'[', .., (byte)']'] or [(byte)'(', .., (byte)')'] or [(byte)'<', .., (byte)'>'];
        var inner = line.Trim("[]()<>-=*.~ "u8);
        if (inner.IsEmpty)
            return line.IndexOf("..."u8) >= 0;
        return (isBracketed && line.Length < 60 && line.IndexOf("..."u8) is >= 0 and < 4) || ((inner.SequenceEqual("snip"u8) || inner.SequenceEqual("snipped"u8)) && line.Length > inner.Length);
    }

    private static bool TryBracket(ReadOnlySpan<byte> line, out int cpu, out long events)
    {
        events = -1;
        var scanner = new FieldScanner(line);
        if (!scanner.Skip("CPU:"u8) || !scanner.TryDecimal(out cpu) || !scanner.Find("["u8))
        {
            cpu = -1;
            return false;
        }

        scanner.Skip("LOST "u8);
        if (scanner.TryDecimal(out var number))
        {
            events = number;
            scanner.SkipSpaces();
        }

        return scanner.Skip("EVENTS"u8);
    }
}
