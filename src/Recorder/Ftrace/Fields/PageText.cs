using Replay.Trace.Tracepoints;

namespace Replay.Recorder.Ftrace;

/// <summary>Reads what events of table pages print, in every form that the kernel and the plugin of trace-cmd and perf have given it.</summary>
/// <remarks>
/// <code>
/// sp gen 0 gfn 200 l4 8-byte q0 direct wux nxe ad root 1 sync new          Linux 5.1 and later
/// sp gen 0 gfn 200 4 pae q0 direct wux nxe root 1 sync existing            3.11 to 5.0, before that without "gen"
/// new sp gfn 200 4 q0 direct wux !pae nxe !wp root 1 sync                  the plugin
/// </code>
/// The role word is put together in the layout of Linux 6.1 (union kvm_mmu_page_role).
/// </remarks>
internal static class PageText
{
    private const int FourByteShift = 4;
    private const int QuadrantShift = 5;
    private const int DirectShift = 7;
    private const int AccessShift = 8;
    private const int InvalidShift = 11;
    private const int NxShift = 12;
    private const int WpShift = 13;
    private const int AdDisabledShift = 16;
    private const uint AlwaysShown = 15 | 3 << QuadrantShift | 1 << DirectShift | 7 << AccessShift | 1 << InvalidShift;

    public static bool TryParse(ReadOnlySpan<byte> text, out PageFields page)
    {
        page = default;
        var scanner = new FieldScanner(text);
        var created = scanner.Skip("new "u8);
        var isPlugin = created || scanner.Skip("existing "u8);
        if (!scanner.Skip("sp "u8))
            return false;
        var generation = 0UL;
        if (scanner.Skip("gen "u8))
        {
            if (!scanner.TryHex(out generation))
                return false;
            scanner.SkipSpaces();
        }

        if (!scanner.Skip("gfn "u8) || !scanner.TryHex(out ulong gfn))
            return false;
        scanner.SkipSpaces();
        scanner.Skip("l"u8);
        if (!scanner.TryDecimal(out var level) || level is < 0 or > 15)
            return false;
        // Linux 2.6.3x: level/glevels.
        if (scanner.Skip("/"u8))
            scanner.TryDecimal(out _);
        var role = (uint)level;
        var mask = AlwaysShown;
        var state = new State { Created = created };
        while (scanner.TryWord(out var word))
        {
            if (word.SequenceEqual("root"u8))
            {
                if (!scanner.TryDecimal(out var roots))
                    return false;
                state.RootCount = (uint)roots;
            }
            else if (!TryWord(word, ref role, ref mask, ref state))
            {
                return false;
            }
        }

        if (isPlugin && (mask & (1U << FourByteShift)) != 0)
            PluginEntrySize(level, ref role, ref mask);
        page = new PageFields((int)(generation & int.MaxValue), gfn, role, mask, state.RootCount, state.Unsync, state.Created);
        return state.HasAccess && state.HasSync;
    }

    /// <summary>
    /// The plugin calls bit 4 of the role "pae", whatever the kernel has there: entries of eight bytes up to Linux 5.18, of four since 5.19. The
    /// line does not tell which. But tables of four-byte entries have two levels, and they alone have quadrants.
    /// </summary>
    private static void PluginEntrySize(int level, ref uint role, ref uint mask)
    {
        const uint FourByte = 1U << FourByteShift;
        var hasQuadrant = (role >> QuadrantShift & 3) != 0;
        role = hasQuadrant ? role | FourByte : role & ~FourByte;
        mask = hasQuadrant || level > 2 ? mask | FourByte : mask & ~FourByte;
    }

    private static bool TryWord(ReadOnlySpan<byte> word, ref uint role, ref uint mask, ref State state)
    {
        word = word.Trim((byte)0);
        var not = word.StartsWith("!"u8);
        switch (not ? word[1..] : word)
        {
            case [(byte)'q', >= (byte)'0' and <= (byte)'3' and var quadrant]:
                role |= (uint)(quadrant - '0') << QuadrantShift;
                return true;
            case [(byte)'-' or (byte)'w', (byte)'-' or (byte)'u', (byte)'-' or (byte)'x']:
                // The kernel's letters stand for ACC_WRITE, ACC_USER and ACC_EXEC: bits 1, 2 and 0.
                role |= (word[0] == (byte)'w' ? 2U : 0) << AccessShift | (word[1] == (byte)'u' ? 4U : 0) << AccessShift
                    | (word[2] == (byte)'x' ? 1U : 0) << AccessShift;
                state.HasAccess = true;
                return true;
            case var name when name.SequenceEqual("direct"u8):
                role |= 1U << DirectShift;
                return true;
            case var name when name.SequenceEqual("invalid"u8):
                role |= 1U << InvalidShift;
                return true;
            case var name when name.SequenceEqual("nxe"u8):
                return Set(NxShift, !not, ref role, ref mask);
            case var name when name.SequenceEqual("wp"u8):
                return Set(WpShift, !not, ref role, ref mask);
            case var name when name.SequenceEqual("ad"u8):
                return Set(AdDisabledShift, not, ref role, ref mask);
            case var name when name.SequenceEqual("8-byte"u8) || name.SequenceEqual("4-byte"u8):
                return Set(FourByteShift, name[0] == (byte)'4', ref role, ref mask);
            case var name when name.SequenceEqual("pae"u8):
                return Set(FourByteShift, not, ref role, ref mask);
            case var name when name.SequenceEqual("sync"u8) || name.SequenceEqual("unsync"u8):
                state.Unsync = name.Length == 6;
                state.HasSync = true;
                return true;
            case var name when name.SequenceEqual("new"u8):
                state.Created = true;
                return true;
            default:
                return word.SequenceEqual("existing"u8) || IsOther(word);
        }
    }

    /// <summary>Parts of the role that have no place in 6.1's layout here: CR4.PGE of 2.6 kernels, SMEP, SMAP and SMM of the plugin.</summary>
    private static bool IsOther(ReadOnlySpan<byte> word) =>
        word.TrimStart((byte)'!').SequenceEqual("pge"u8) || word.SequenceEqual("smep"u8) || word.SequenceEqual("smap"u8) || word.SequenceEqual("smm"u8);

    private static bool Set(int shift, bool value, ref uint role, ref uint mask)
    {
        mask |= 1U << shift;
        role |= value ? 1U << shift : 0;
        return true;
    }

    private struct State
    {
        public uint RootCount;
        public bool Unsync;
        public bool Created;
        public bool HasAccess;
        public bool HasSync;
    }
}
