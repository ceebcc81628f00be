using System.Buffers.Text;

namespace Replay.Trace.Tracepoints;

/// <summary>A kprobe or kretprobe: the function it stands on, and its arguments under the names that whoever set it gave them.</summary>
public readonly ref struct ProbeFields
{
    /// <summary>The function, without what the compiler appends to names of parts and clones.</summary>
    public required TracepointName Function { get; init; }

    /// <summary>It stands on the return.</summary>
    public bool IsReturn { get; init; }

    /// <summary><c>name=value</c>, separated by spaces.</summary>
    public ReadOnlySpan<byte> Arguments { get; init; }

    /// <summary>Looks an argument up. Negative numbers come as their 64-bit pattern.</summary>
    public bool TryGet(ReadOnlySpan<byte> name, out ulong value)
    {
        var rest = Arguments;
        while (!rest.IsEmpty)
        {
            var space = rest.IndexOf((byte)' ');
            var word = space < 0 ? rest : rest[..space];
            if (word.Length > name.Length && word[name.Length] == (byte)'=' && word.StartsWith(name))
                return TryNumber(word[(name.Length + 1)..], out value);
            rest = space < 0 ? default : rest[(space + 1)..];
        }

        value = 0;
        return false;
    }

    private static bool TryNumber(ReadOnlySpan<byte> text, out ulong value)
    {
        int used;
        if (text.StartsWith("0x"u8))
            return Utf8Parser.TryParse(text[2..], out value, out used, 'x') && used == text.Length - 2;
        if (Utf8Parser.TryParse(text, out long number, out used) && used == text.Length)
        {
            value = unchecked((ulong)number);
            return true;
        }

        return Utf8Parser.TryParse(text, out value, out used) && used == text.Length;
    }
}
