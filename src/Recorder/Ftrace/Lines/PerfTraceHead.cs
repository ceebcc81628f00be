namespace Replay.Recorder.Ftrace;

/// <summary>The part of a line of <c>perf trace</c> before its fields, which stand in brackets.</summary>
/// <remarks>
/// <code>
///      0.103 (         ): CPU 0/KVM/2343 kvm:kvm_exit(exit_reason: 48, ...)   with system calls beside the events
///      0.103 ( 0.010 ms): CPU 0/KVM/2343 kvm:kvm_exit:reason EPT_... info 0)  before Linux 4.20
///      0.103 CPU 0/KVM/2343 kvm:kvm_exit(exit_reason: 48, ...)                with --no-syscalls
///      0.103 2343 kvm:kvm_exit(exit_reason: 48, ...)                          with --no-comm
///      0.103 kvm:kvm_exit(vcpu 0 reason EPT_VIOLATION ...)                    of one thread; with --libtraceevent_print
///          ? CPU 0/KVM/2343 kvm:kvm_exit(...)                                 no time
/// </code>
/// Times are milliseconds: since the first event, or with <c>-T</c> of the clock. There is no CPU.
/// </remarks>
internal static class PerfTraceHead
{
    private static readonly System.Buffers.SearchValues<byte> DurationCharacters = System.Buffers.SearchValues.Create("0123456789. ms"u8);

    public static bool TryParse(ReadOnlySpan<byte> line, out LineHead head)
    {
        head = new LineHead { Pid = LooseHead.NoThread };
        if (!TryEvent(line, out var system, out var name, out var end))
            return false;
        head.Name = line[name..end];
        head.Text = LineHead.WithoutComplaint(line[(end + 1)..].Trim(" \t\0"u8));
        head.IsBracketed = true;
        return TryBefore(LinePrefix.Strip(line[..system].TrimEnd((byte)' ')), ref head);
    }

    /// <summary><c>system:event(</c>, and <c>system:event:</c> where the line ends with the bracket alone.</summary>
    private static bool TryEvent(ReadOnlySpan<byte> line, out int system, out int name, out int end)
    {
        system = name = end = 0;
        for (var from = 0; line[from..].IndexOf((byte)':') is >= 0 and var colon; from = name)
        {
            name = from + colon + 1;
            system = line[..(name - 1)].LastIndexOfAnyExcept(LooseHead.NameCharacters) + 1;
            var length = line[name..].IndexOfAnyExcept(LooseHead.NameCharacters);
            end = name + length;
            if (system < name - 1 && (system == 0 || line[system - 1] == (byte)' ') && length > 0 && char.IsAsciiLetter((char)line[name])
                && (line[end] == (byte)'(' || (line[end] == (byte)':' && end + 1 < line.Length && line[end + 1] != (byte)' ' && line[^1] == (byte)')')))
                return true;
        }

        return false;
    }

    /// <summary>Time, how long it took, thread.</summary>
    private static bool TryBefore(ReadOnlySpan<byte> text, ref LineHead head)
    {
        if (text.StartsWith("? "u8) || text.SequenceEqual("?"u8))
        {
            text = text[1..];
        }
        else if (text.IndexOfAnyExceptInRange((byte)'0', (byte)'9') is > 0 and var point && text[point] == (byte)'.')
        {
            if (!head.TryNumber(ref text) || (!text.IsEmpty && text[0] != (byte)' '))
                return false;
            head.Time /= 1000;
        }

        text = text.TrimStart((byte)' ');
        if (text is [(byte)'(', ..])
        {
            if (text.IndexOf("):"u8) is not (> 0 and var close) || text[1..close].ContainsAnyExcept(DurationCharacters))
                return false;
            text = text[(close + 2)..].TrimStart((byte)' ');
        }

        if (text.IsEmpty)
            return true;
        var slash = text.LastIndexOf((byte)'/');
        if (!int.TryParse(text[(slash + 1)..], System.Globalization.NumberStyles.None, null, out head.Pid))
        {
            head.Pid = LooseHead.NoThread;
            return false;
        }

        head.Task = slash < 0 ? default : text[..slash];
        return true;
    }
}
