namespace Replay.Recorder.Ftrace;

/// <summary>Lines that tracers print beside events and that are none: functions, and system calls of <c>perf trace</c>. They are no damage.</summary>
/// <remarks>
/// <code>
///   1) + 10.310 us   |      fast_page_fault [kvm]();                         function graph
///   1)  CPU 0/K-2343  =>  CPU 1/K-2344                                       the same: another thread on this CPU
///   CPU 0/K-2343  [001] ..... 1234.567890: kvm_mmu_page_fault &lt;-handle_ept   function
///   0.014 ( 0.003 ms): CPU 0/KVM/2343 ioctl(fd: 13, cmd: KVM_RUN)  = 0       perf trace
/// </code>
/// </remarks>
internal static class OtherLine
{
    private static readonly System.Buffers.SearchValues<byte> TimeCharacters = System.Buffers.SearchValues.Create("0123456789. "u8);

    public static bool Is(ReadOnlySpan<byte> text) => (IsGraph(text) || IsFunction(text) || IsSystemCall(text)) && !PerfTraceHead.TryParse(text, out _) && !LooseHead.TryParse(text, out _);

    private static bool IsGraph(ReadOnlySpan<byte> text)
    {
        // The time, where it is printed, stands first.
        if (text.IndexOf(" | "u8) is > 0 and var bar && !text[..bar].ContainsAnyExcept(TimeCharacters))
            text = text[(bar + 3)..].TrimStart((byte)' ');
        var digits = text.IndexOfAnyExceptInRange((byte)'0', (byte)'9');
        return digits is > 0 and <= 4 && text[digits] == (byte)')'
            && (text.IndexOf(" => "u8) > 0 || (text.IndexOf((byte)'|') > 0 && text[^1] is (byte)'{' or (byte)'}' or (byte)';' or (byte)'/'));
    }

    private static bool IsFunction(ReadOnlySpan<byte> text) =>
        text.IndexOf(" <-"u8) is > 0 and var arrow && arrow + 3 < text.Length && (char.IsAsciiLetter((char)text[arrow + 3]) || text[arrow + 3] == (byte)'_');

    private static bool IsSystemCall(ReadOnlySpan<byte> text) =>
        text[0] is (byte)'?' or (>= (byte)'0' and <= (byte)'9')
        && text.IndexOf("): "u8) is > 0 and var behind
        && text[..behind].IndexOf(" ("u8) is > 0 and < 24
        && text[behind..].IndexOf((byte)'/') > 0
        && (text.LastIndexOf(") "u8) is > 0 and var close && text[(close + 2)..].TrimStart((byte)' ').StartsWith("= "u8) || text.EndsWith("..."u8));
}
