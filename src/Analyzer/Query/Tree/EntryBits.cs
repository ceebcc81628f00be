namespace Replay.Analyzer.Query.Tree;

/// <summary>What an entry that maps a page says besides its frame and rights, in the words of KVM and the SDM.</summary>
public static class EntryBits
{
    private const int AdTypeShift = 52;
    private const ulong AdTypeMask = 3;
    private const ulong AdDisabled = 1;

    private static readonly string[] MemoryTypes = ["UC", "WC", "2", "3", "WT", "WP", "WB", "7"];

    /// <summary>
    /// Such as <c>WB ipat host-writable mmu-writable</c>. Memory type and ignore-PAT are in EPT format only.
    /// </summary>
    /// <remarks>KVM: shadow_host_writable_mask, shadow_mmu_writable_mask, VMX_EPT_MT_MASK, VMX_EPT_IPAT_BIT.</remarks>
    public static string Describe(TreeEntry entry, bool isEpt)
    {
        if (!entry.IsLeaf)
            return "";
        var words = new List<string>(5);
        if (isEpt)
        {
            words.Add(MemoryTypes[entry.Value >> 3 & 7]);
            Add(6, "ipat");
        }

        Add(isEpt ? 57 : 9, "host-writable");
        Add(isEpt ? 58 : 10, "mmu-writable");
        if ((entry.Value >> AdTypeShift & AdTypeMask) == AdDisabled)
            words.Add(isEpt && (entry.Value & 7) == 0 ? "access-tracked" : "no-ad");
        return string.Join(' ', words);

        void Add(int bit, string word)
        {
            if ((entry.Value >> bit & 1) != 0)
                words.Add(word);
        }
    }
}
