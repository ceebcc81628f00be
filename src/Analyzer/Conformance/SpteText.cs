using System.Globalization;
using System.Text.RegularExpressions;
using Replay.Replayer.Kvm.Mmu;

namespace Replay.Analyzer.Conformance;

/// <summary>
/// The normal form of entry values: <c>g100 fl=e67</c> (guest frame and the bits beside it), <c>->S5 fl=827</c> (a table),
/// <c>np:5a0</c>, <c>nonmmu:f8fe000016</c>, <c>0</c> (<c>np:8000000000000000</c> in later kernels). Frames that back no guest page are <c>p*</c>.
/// </summary>
internal static partial class SpteText
{
    public const ulong EptAccessedDirty = 0x300;

    public const ulong X86AccessedDirty = 0x60;

    /// <summary>Takes the bits that the CPU sets out of a value's flags.</summary>
    /// <param name="text">A value in normal form.</param>
    /// <param name="accessedDirty">The bits, by entry format.</param>
    public static string WithoutHardwareBits(string text, ulong accessedDirty)
    {
        var match = Flags().Match(text);
        if (!match.Success)
            return text;
        var flags = ulong.Parse(match.Groups[1].Value, NumberStyles.HexNumber) & ~accessedDirty;
        return $"{text.AsSpan(0, match.Index)}fl={flags:x}";
    }

    /// <summary>
    /// Entries that are neither present, removed nor empty are MMIO entries and are written out: the tracepoint that shows them tells their
    /// content, not their bits.
    /// </summary>
    public static string Canonical(string text)
    {
        if (text.StartsWith("np:", StringComparison.Ordinal) || text.StartsWith("nonmmu:", StringComparison.Ordinal))
        {
            var raw = ulong.Parse(text.AsSpan(text.IndexOf(':', StringComparison.Ordinal) + 1), NumberStyles.HexNumber);
            return new Spte(raw).IsRemoved || raw == Spte.SuppressVeMask ? text : Mmio(raw);
        }

        return text;
    }

    /// <summary>An MMIO entry below 32 GiB: the address bits above hold the reserved-bit pattern.</summary>
    public static string Mmio(ulong raw) =>
        $"mmio gfn={(raw & 0x7_ffff_f000) >> 12:x} gen={MmioGeneration.Of(new Spte(raw)):x}";

    /// <summary>A value of the model's in normal form.</summary>
    /// <param name="raw">The entry.</param>
    /// <param name="level">Level of its table.</param>
    /// <param name="tableOf">Name of the table page in a host frame, or null.</param>
    /// <param name="gfnOf">The gfn that a host frame backs, or null.</param>
    public static string Model(ulong raw, int level, Func<ulong, string?> tableOf, Func<ulong, ulong?> gfnOf)
    {
        if (raw == 0)
            return "0";
        var spte = new Spte(raw);
        if (!spte.IsShadowPresent)
            return spte.IsRemoved || raw == Spte.SuppressVeMask ? $"np:{raw:x}" : Mmio(raw);
        var flags = raw & ~Spte.BaseAddressMask;
        if (!spte.IsLast(level) && tableOf(spte.Pfn) is { } table)
            return $"->{table} fl={flags:x}";
        return gfnOf(spte.Pfn) is { } gfn ? $"g{gfn:x} fl={flags:x}" : $"p* fl={flags:x}";
    }

    [GeneratedRegex("fl=([0-9a-f]+)")]
    private static partial Regex Flags();
}
