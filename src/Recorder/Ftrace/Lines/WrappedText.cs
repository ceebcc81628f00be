namespace Replay.Recorder.Ftrace;

/// <summary>Tells whether a line goes on with the text of an event whose fields are not read one by one.</summary>
internal static class WrappedText
{
    private const int MostWords = 12;

    /// <summary>Mail programs break lines behind column 72 or so, less the marks of quotation; an editor that fills paragraphs need not.</summary>
    private const int Width = 66;
    private const int Widest = 80;

    private static readonly System.Buffers.SearchValues<byte> Word = System.Buffers.SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_=:,"u8);

    /// <param name="name">The event's.</param>
    /// <param name="text">What there is of it.</param>
    /// <param name="length">Of the line so far, or of its last part.</param>
    /// <param name="rest">The line behind it.</param>
    public static bool GoesOn(ReadOnlySpan<byte> name, ReadOnlySpan<byte> text, int length, ReadOnlySpan<byte> rest)
    {
        if (!name.StartsWith("kvm_"u8) && !name.StartsWith("vcpu_"u8))
            return false;
        // Broken behind the name; kvm_userspace_exit: reason KVM_EXIT_MMIO (6), kvm_emulate_insn: 0:1:f4 (prot32), kvm_inj_virq: IRQ 0xec [reinjected].
        if (text.IsEmpty || text.SequenceEqual("reason"u8) || (rest[0] == (byte)'(' && rest.Length < 24) || rest.StartsWith("[reinjected"u8))
            return true;
        if (name.StartsWith("kvm_nested_"u8) && AreFields(rest))
            return true;
        // The next word would not have gone into the line.
        var word = rest.IndexOf((byte)' ') is >= 0 and var space ? space : rest.Length;
        return length <= Widest && length + 1 + word > Width;
    }

    /// <summary>Names and numbers, and nothing that is neither: <c>nrip: 0x1 int_ctl: 0x0</c>, <c>info2 0 int_info 0</c>, <c>npt: on</c>.</summary>
    private static bool AreFields(ReadOnlySpan<byte> text)
    {
        var (words, numbers, names) = (0, 0, 0);
        foreach (var range in text.Split((byte)' '))
        {
            var word = text[range];
            if (word.IsEmpty)
                continue;
            words++;
            if (word.ContainsAnyExcept(Word))
                return false;
            if (char.IsAsciiHexDigit((char)word[0]) && (word[0] <= (byte)'9' || word.IndexOfAnyExceptInRange((byte)'0', (byte)'f') < 0))
                numbers++;
            else if (word.EndsWith(":"u8) || word.IndexOf((byte)'=') > 0)
                names++;
        }

        return words <= MostWords && (names > 0 ? 2 * names >= words - numbers : 2 * numbers >= words);
    }
}
