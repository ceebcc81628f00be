namespace Replay.Recorder.Ftrace;

/// <summary>
/// The part of an event's line before its fields, in the forms of the tracefs <c>trace</c> file, of <c>trace-cmd report</c> and of
/// <c>perf script</c>. Lines in other forms, or of which a part is missing, are <see cref="LooseHead"/>'s.
/// </summary>
/// <remarks>
/// <code>
///  CPU 0/KVM-2343    [001] d..1. 1234.567890: kvm_exit: ...       trace; the flags are missing in old kernels, a (tgid) may stand before [
///  CPU 0/KVM-2343  [001]  1234.567890123: kvm_exit:   ...         trace-cmd; flags before the time in new ones
///   host.dat:   CPU 0/KVM-2343  [001]  1234.567890: kvm_exit: ... trace-cmd, of several files at once
///       CPU 0/KVM  2343/2350 [001]  1234.567890: 1 kvm:kvm_exit: ...   perf; the pid may have a tid and a period may stand before the name
/// </code>
/// </remarks>
internal ref struct LineHead
{
    private const int LongestName = 128;
    private const int SourceShift = 32;

    /// <summary>What is longer is no thread's name (TASK_COMM_LEN).</summary>
    private const int LongestTask = 16;
    private const long NanosecondsPerSecond = 1_000_000_000;

    public ReadOnlySpan<byte> Source;
    public ReadOnlySpan<byte> Task;
    public int Pid;
    public int Process;
    public int Cpu;
    public long Time;
    public bool TimeIsSeconds;
    public ReadOnlySpan<byte> Name;
    public ReadOnlySpan<byte> Text;

    /// <summary>The text's fields stand in brackets, of which the second is still there if the line is whole: <c>perf trace</c>.</summary>
    public bool IsBracketed;

    /// <summary>What tells threads apart. Where no number is shown, the name stands for it, and where there is none, the CPU.</summary>
    public readonly long Thread
    {
        get
        {
            long number = Pid >= 0 ? Pid : Task.Length is > 0 and < LongestTask ? int.MaxValue + 1L + (System.IO.Hashing.XxHash32.HashToUInt32(Task) >> 2) : uint.MaxValue - (long)Cpu;
            return Source.IsEmpty ? number : number | (long)(uint)(int)System.IO.Hashing.XxHash32.HashToUInt32(Source) << SourceShift;
        }
    }

    public static bool TryParse(ReadOnlySpan<byte> line, out LineHead head)
    {
        head = default;
        var from = 0;
        // A task may be named with a bracket: the CPU is the first number in brackets that a thread's number stands before.
        while (true)
        {
            var open = line[from..].IndexOf((byte)'[');
            if (open < 0)
                return false;
            open += from;
            if (head.TryCpu(line[open..], out var length) && head.TryTask(line[..open]))
                return head.TryRest(line[(open + length)..]);
            from = open + 1;
        }
    }

    /// <summary>A number with a fraction of a second, or without; goes on behind it.</summary>
    public bool TryNumber(ref ReadOnlySpan<byte> text)
    {
        var digits = text.IndexOfAnyExceptInRange((byte)'0', (byte)'9');
        digits = digits < 0 ? text.Length : digits;
        if (digits is < 1 or > 18)
            return false;
        if (digits == text.Length || text[digits] != (byte)'.')
        {
            Time = LongNumber(text[..digits]);
            TimeIsSeconds = false;
            text = text[digits..];
            return true;
        }

        var fraction = text[(digits + 1)..];
        var fractionDigits = fraction.IndexOfAnyExceptInRange((byte)'0', (byte)'9');
        fractionDigits = fractionDigits < 0 ? fraction.Length : fractionDigits;
        if (digits > 9 || fractionDigits is < 1 or > 9)
            return false;
        var nanoseconds = LongNumber(fraction[..fractionDigits]);
        for (var i = fractionDigits; i < 9; i++)
            nanoseconds *= 10;
        Time = LongNumber(text[..digits]) * NanosecondsPerSecond + nanoseconds;
        TimeIsSeconds = true;
        text = fraction[fractionDigits..];
        return true;
    }

    /// <summary>A thread's name and number.</summary>
    public bool TryTask(ReadOnlySpan<byte> text)
    {
        text = WithoutFlags(text.TrimEnd(" \t"u8));
        var process = 0;
        if (text.EndsWith(")"u8) && text.LastIndexOf((byte)'(') is > 0 and var group)
        {
            var tgid = text[(group + 1)..^1].Trim((byte)' ');
            process = tgid.ContainsAnyExceptInRange((byte)'0', (byte)'9') || tgid.Length > 9 ? 0 : Number(tgid);
            text = text[..group].TrimEnd((byte)' ');
        }

        var end = text.LastIndexOfAnyExceptInRange((byte)'0', (byte)'9');
        if (text.Length - end - 1 is < 1 or > 9 || end < 1)
            return false;
        Pid = Number(text[(end + 1)..]);
        if (text[end] == (byte)'/')
        {
            var slash = end;
            text = text[..end];
            end = text.LastIndexOfAnyExceptInRange((byte)'0', (byte)'9');
            if (end < 1 || end == text.Length - 1 || text.Length - end - 1 > 9)
                return false;
            process = Number(text[(end + 1)..slash]);
        }

        if (text[end] is not ((byte)'-' or (byte)' '))
            return false;
        Process = process;
        Task = LinePrefix.Strip(text[..end]).TrimEnd(" \t"u8);
        if (Task.IndexOf(": "u8) is > 0 and var colon)
        {
            Source = Task[..colon];
            Task = Task[(colon + 1)..].TrimStart((byte)' ');
        }

        return true;
    }

    private static readonly System.Buffers.SearchValues<byte> FlagCharacters = System.Buffers.SearchValues.Create(".dDnNbBpPhHsSzZ"u8);

    /// <summary>perf writes the flags of tracefs before the CPU: <c>206966 .N.. [017]</c>.</summary>
    private static ReadOnlySpan<byte> WithoutFlags(ReadOnlySpan<byte> text)
    {
        var space = text.LastIndexOf((byte)' ');
        return space > 0 && text.Length - space - 1 is 4 or 5 && !text[(space + 1)..].ContainsAnyExcept(FlagCharacters) ? text[..space].TrimEnd((byte)' ') : text;
    }

    private bool TryCpu(ReadOnlySpan<byte> text, out int length)
    {
        length = 0;
        var digits = text[1..].IndexOfAnyExceptInRange((byte)'0', (byte)'9');
        if (digits is < 1 or > 6 || text[digits + 1] != (byte)']')
            return false;
        Cpu = Number(text.Slice(1, digits));
        length = digits + 2;
        return length < text.Length && text[length] is (byte)' ' or (byte)'\t';
    }

    private bool TryRest(ReadOnlySpan<byte> text)
    {
        text = text.TrimStart(" \t"u8);
        if (!TryTime(ref text))
        {
            var flags = text.IndexOf((byte)' ');
            if (flags is < 0 or > 16)
                return false;
            text = text[flags..].TrimStart((byte)' ');
            if (!TryTime(ref text))
                return false;
        }

        text = text.TrimStart(" \t"u8);
        SkipPeriod(ref text);
        return TryName(text);
    }

    private bool TryTime(ref ReadOnlySpan<byte> text)
    {
        var rest = text;
        if (!TryNumber(ref rest) || rest.IsEmpty || rest[0] != (byte)':')
            return false;
        text = rest[1..];
        return true;
    }

    private static void SkipPeriod(ref ReadOnlySpan<byte> text)
    {
        // trace-cmd report --ts-diff: what passed since the event before.
        if (text.StartsWith("(+"u8) && text.IndexOf((byte)')') is > 2 and var close)
            text = text[(close + 1)..].TrimStart(": \t"u8);
        var digits = text.IndexOfAnyExceptInRange((byte)'0', (byte)'9');
        if (digits > 0 && text[digits] == (byte)' ')
            text = text[digits..].TrimStart((byte)' ');
    }

    private bool TryName(ReadOnlySpan<byte> text)
    {
        var end = text.IndexOfAny((byte)':', (byte)' ');
        if (end < 1 || end > LongestName || text[end] != (byte)':')
            return false;
        // perf writes system:event: and trace-cmd and tracefs event: alone.
        if (end + 1 < text.Length && text[end + 1] != (byte)' ' && text[(end + 1)..].IndexOfAny((byte)':', (byte)' ') is > 0 and var second
            && second <= LongestName && text[end + 1 + second] == (byte)':')
        {
            text = text[(end + 1)..];
            end = second;
        }

        Name = text[..end];
        Text = WithoutComplaint(text[(end + 1)..].Trim(" \t\0"u8));
        // tracefs writes the arguments of system calls in brackets: sys_ioctl(fd: 9, cmd: ae80, arg: 0).
        if (Name.IndexOf((byte)'(') is > 0 and var bracket)
        {
            Name = text[..bracket];
            Text = text[(bracket + 1)..].Trim(" \t\0)"u8);
        }

        return true;
    }

    /// <summary>What a plugin of libtraceevent writes that is older than the kernel, before the fields: <c>CAN'T FIND FIELD "rip"&lt;CANT FIND FIELD exit_code&gt;</c>.</summary>
    public static ReadOnlySpan<byte> WithoutComplaint(ReadOnlySpan<byte> text)
    {
        while (true)
        {
            var end = text.StartsWith("CAN'T FIND FIELD \""u8) ? text[18..].IndexOf((byte)'"') + 18 : text.StartsWith("<CANT FIND FIELD "u8) ? text.IndexOf((byte)'>') : -1;
            if (end < 17)
                return text;
            text = text[(end + 1)..].TrimStart((byte)' ');
        }
    }

    private static int Number(ReadOnlySpan<byte> digits) => (int)LongNumber(digits);

    private static long LongNumber(ReadOnlySpan<byte> digits)
    {
        var number = 0L;
        foreach (var digit in digits)
            number = number * 10 + (digit - '0');
        return number;
    }
}
