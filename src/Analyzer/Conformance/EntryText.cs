using System.Globalization;

namespace Replay.Analyzer.Conformance;

/// <summary>Entries as text: what they point at, then the other bits. Bits that the CPU sets on its own can be left out.</summary>
public sealed class EntryText(ulong hardwareBits, bool hideReadOnlyFrames)
{
    private const ulong Writable = 2;

    /// <summary>Accessed and dirty bits that are left out of old values and of values made from old ones; 0: none.</summary>
    public ulong HardwareBits => hardwareBits;

    /// <summary>Nothing is left out.</summary>
    public bool ShowsHardwareBits => hardwareBits == 0;

    /// <summary>A present entry.</summary>
    /// <param name="target">The frame's or table's name.</param>
    /// <param name="flags">The entry without its frame.</param>
    /// <param name="withHardwareBits">Keep the accessed and dirty bits.</param>
    public string Present(string target, ulong flags, bool withHardwareBits)
    {
        // A real host backs many gfns by one page of zeros, and a trace names it by any of them.
        var name = hideReadOnlyFrames && (flags & Writable) == 0 && target.StartsWith('g') ? "read-only" : target;
        return $"{name} fl={(withHardwareBits ? flags : flags & ~hardwareBits):x}";
    }

    /// <summary>An entry as a normalised trace prints it.</summary>
    public string FromTrace(string text, bool withHardwareBits)
    {
        var at = text.IndexOf(" fl=", StringComparison.Ordinal);
        return at < 0 ? text : Present(text[..at], ulong.Parse(text.AsSpan(at + 4), NumberStyles.HexNumber, CultureInfo.InvariantCulture), withHardwareBits);
    }
}
