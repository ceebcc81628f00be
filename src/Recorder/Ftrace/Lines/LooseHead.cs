namespace Replay.Recorder.Ftrace;

/// <summary>
/// Finds the event in a line of any form by its name, and takes of what stands before it whatever is there: lines with fields left out,
/// the latency format, dumps of the kernel's ring buffer, comments of the function graph tracer, lines without a head.
/// </summary>
/// <remarks>
/// <code>
///   qemu-sys-2343    1d..1. 1234us+: kvm_exit: ...                  latency format, trace-cmd report -l, ftrace_dump_on_oops
///   1)  CPU 0/K-2343  |               |  /* kvm_exit: ... */        function graph
///   CPU 0/KVM  2343  1234.567890: kvm:kvm_exit: ...                  perf script -F comm,pid,time,event,trace
///   kvm_exit: ...                                                    no head at all
/// </code>
/// </remarks>
internal static class LooseHead
{
    public const int NoThread = -1;

    /// <summary>Events of KVM whose names do not begin with kvm_.</summary>
    private static readonly byte[][] Others =
    [
        "mark_mmio_spte"u8.ToArray(),
        "handle_mmio_page_fault"u8.ToArray(),
        "check_mmio_spte"u8.ToArray(),
        "fast_page_fault"u8.ToArray(),
        "vcpu_match_mmio"u8.ToArray(),
    ];

    public static bool TryParse(ReadOnlySpan<byte> line, out LineHead head)
    {
        head = new LineHead { Pid = NoThread };
        if (!TryFindBehindMicroseconds(line, out var start, out var length) && !TryFind(line, out start, out length))
            return false;
        head.Name = line.Slice(start, length);
        var text = line[(start + length + 1)..];
        if (text.IndexOf("*/"u8) is >= 0 and var end)
            text = text[..end];
        head.Text = LineHead.WithoutComplaint(text.Trim(" \t\0"u8));
        Before(line[..start], ref head);
        return true;
    }

    /// <summary>The name of an event of KVM, with : behind it and nothing of a word before it.</summary>
    private static bool TryFind(ReadOnlySpan<byte> line, out int start, out int length)
    {
        for (var from = 0; from < line.Length; from = start + 1)
        {
            start = Next(line, from, out length);
            if (start < 0)
                break;
            if ((start == 0 || line[start - 1] is (byte)' ' or (byte)':' or (byte)'\t' or (byte)'*') && start + length < line.Length
                && line[start + length] == (byte)':' && (start + length + 1 == line.Length || line[start + length + 1] == (byte)' '))
                return true;
        }

        (start, length) = (0, 0);
        return false;
    }

    /// <summary>The latency format has its own mark before the name of any event: <c>1234us : sched_waking: </c>.</summary>
    private static bool TryFindBehindMicroseconds(ReadOnlySpan<byte> line, out int start, out int length)
    {
        (start, length) = (line.IndexOf(": "u8) + 2, 0);
        if (start < 6 || line[..(start - 2)].TrimEnd(" +!#*@$"u8) is not [.., >= (byte)'0' and <= (byte)'9', (byte)'u', (byte)'s'])
            return false;
        length = line[start..].IndexOfAnyExcept(NameCharacters);
        return length > 0 && line[start + length] == (byte)':' && start + length + 1 < line.Length && line[start + length + 1] == (byte)' ';
    }

    private static int Next(ReadOnlySpan<byte> line, int from, out int length)
    {
        length = 0;
        var best = line[from..].IndexOf("kvm_"u8);
        if (best >= 0)
        {
            best += from;
            var end = line[best..].IndexOfAnyExcept(NameCharacters);
            length = end < 0 ? line.Length - best : end;
        }

        foreach (var name in Others)
        {
            var at = line[from..].IndexOf(name);
            if (at < 0 || (best >= 0 && at + from >= best))
                continue;
            best = at + from;
            length = name.Length;
        }

        return best;
    }

    /// <summary>Of names of events, systems and fields.</summary>
    internal static readonly System.Buffers.SearchValues<byte> NameCharacters =
        System.Buffers.SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"u8);

    /// <summary>CPU, time, thread: from right to left, as far as they are there.</summary>
    private static void Before(ReadOnlySpan<byte> text, ref LineHead head)
    {
        text = text.TrimEnd(" \t:/*|"u8);
        if (text.EndsWith("kvm"u8) || text.EndsWith("kvmmmu"u8))
            text = text[..^(text.EndsWith("kvmmmu"u8) ? 6 : 3)].TrimEnd(" \t:"u8);
        if (text.EndsWith(")"u8) && text.LastIndexOf("(+"u8) is >= 0 and var difference)
            text = text[..difference].TrimEnd(" \t:"u8);
        text = LinePrefix.Strip(text.TrimEnd("+!#*@$ "u8));
        if (text.StartsWith("CPU "u8) && TrySmall(text[4..].Trim((byte)' '), out head.Cpu))
            return;
        TakeTime(ref text, ref head);
        text = text.TrimEnd(" \t|"u8);
        TakeCpu(ref text, ref head);
        text = text.TrimEnd(" \t|"u8);
        if (!text.IsEmpty && !head.TryTask(text))
            head.Task = text.Trim(" \t"u8);
    }

    /// <summary>The last word, if it is a number: seconds, or microseconds where it says so.</summary>
    private static void TakeTime(ref ReadOnlySpan<byte> text, ref LineHead head)
    {
        var word = LastWord(text);
        var isMicroseconds = word.EndsWith("us"u8);
        var number = isMicroseconds ? word[..^2] : word;
        var rest = number;
        // A whole number without a unit is a thread's number as well as a time.
        if (number.IsEmpty || (!isMicroseconds && number.IndexOf((byte)'.') < 0) || !head.TryNumber(ref rest) || !rest.IsEmpty)
        {
            head.Time = 0;
            return;
        }

        if (isMicroseconds)
            head.Time = head.TimeIsSeconds ? head.Time / 1_000_000 : head.Time * 1000;
        text = text[..^word.Length];
    }

    /// <summary>[001], flags behind it or not; 1d..2. of the latency format; 1) of the function graph.</summary>
    private static void TakeCpu(ref ReadOnlySpan<byte> text, ref LineHead head)
    {
        var word = LastWord(text);
        if (word is [(byte)'[', .. var inner, (byte)']'] && TrySmall(inner, out head.Cpu))
        {
            text = text[..^word.Length];
            return;
        }

        var digits = word.IndexOfAnyExceptInRange((byte)'0', (byte)'9');
        if (digits is > 0 and <= 3 && word.Length is >= 4 and <= 12 && !word[digits..].ContainsAnyExcept(FlagCharacters) && TrySmall(word[..digits], out head.Cpu))
        {
            text = text[..^word.Length];
            return;
        }

        if (digits < 0 && word.Length > 0 && text.Length == word.Length)
            return;
        var trimmed = text.TrimStart((byte)' ');
        if (trimmed.IndexOf((byte)')') is > 0 and <= 3 and var close && TrySmall(trimmed[..close], out head.Cpu))
        {
            text = trimmed[(close + 1)..];
            return;
        }

        // Flags between the CPU and the time.
        var before = text[..^word.Length].TrimEnd((byte)' ');
        if (word.Length is >= 3 and <= 8 && LastWord(before) is [(byte)'[', .. var number, (byte)']'] && TrySmall(number, out head.Cpu))
            text = before[..(before.LastIndexOf((byte)'['))];
    }

    private static readonly System.Buffers.SearchValues<byte> FlagCharacters = System.Buffers.SearchValues.Create("0123456789.dDnNbBpPhHsSzZiIxXlL#*"u8);

    private static ReadOnlySpan<byte> LastWord(ReadOnlySpan<byte> text) => text[(text.LastIndexOf((byte)' ') + 1)..];

    private static bool TrySmall(ReadOnlySpan<byte> digits, out int number) => int.TryParse(digits, System.Globalization.NumberStyles.None, null, out number) && number < 1_000_000;
}
