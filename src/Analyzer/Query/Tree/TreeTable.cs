namespace Replay.Analyzer.Query.Tree;

/// <summary>A table of a tree.</summary>
/// <param name="TableId">Number of the page within the run.</param>
/// <param name="Level">1 (PT) to 5 (PML5).</param>
/// <param name="Gfn">First guest frame that it translates, or the frame of the guest table that it shadows.</param>
/// <param name="Hpa">Where it is.</param>
/// <param name="Direct">Translates guest-physical addresses; otherwise guest-virtual ones.</param>
/// <param name="Role">KVM's role word.</param>
/// <param name="Entries">Entries that are not 0, in order; null: not read, because the tree was to be no deeper.</param>
public sealed record TreeTable(long TableId, int Level, ulong Gfn, ulong Hpa, bool Direct, uint Role, IReadOnlyList<TreeEntry>? Entries)
{
    private static readonly string[] Names = ["", "PT", "PD", "PDPT", "PML4", "PML5"];

    /// <summary><c>L1</c> or <c>L2</c>: whose translations it holds; null: not known.</summary>
    public string? Guest { get; init; }

    /// <summary><c>root_mmu</c> or <c>guest_mmu</c>; null: not known.</summary>
    public string? Mmu { get; init; }

    /// <summary>The guest's table that it shadows, in runs with nested guests; null: none.</summary>
    public GuestTable? Shadowed { get; init; }

    /// <summary>The SDM's name of a table of this level.</summary>
    public string Name => Names[Level];
}

/// <summary>An entry as it was after an event, and the write that left it so.</summary>
/// <param name="Index">0 to 511.</param>
/// <param name="Gfn">First guest frame that it translates.</param>
/// <param name="Value">Its 64 bits.</param>
/// <param name="Kind"><c>page</c>, <c>huge</c>, <c>table</c>, <c>mmio</c>, <c>removed</c>, <c>root</c>, <c>none</c> (0, only at the end of a walk) or <c>other</c>.</param>
/// <param name="Rights">Letters of <c>rwxuad</c>; null: not present.</param>
/// <param name="SinceOrdinal">The event of the write; null: the entry was never written.</param>
/// <param name="SinceSeq">Its place in the run's history; null like the ordinal.</param>
/// <param name="Function">The function that wrote; null like the ordinal.</param>
/// <param name="Table">The table it points at; null: none, or one that is not known.</param>
public sealed record TreeEntry(
    int Index, ulong Gfn, ulong Value, string Kind, string? Rights, long? SinceOrdinal, long? SinceSeq, string? Function, TreeTable? Table)
{
    private const int FrameShift = 12;
    private const ulong FrameMask = 0xff_ffff_ffff;

    /// <summary>Points at a table.</summary>
    public bool IsLink => Kind is "table" or "root";

    /// <summary>Maps memory.</summary>
    public bool IsLeaf => Kind is "page" or "huge";

    /// <summary>Host frame of the page or table.</summary>
    public ulong Frame => Value >> FrameShift & FrameMask;
}

/// <summary>A table that a guest made, as far as a run knows it: nested page tables of a hypervisor in the guest (NPT12), or a guest's own.</summary>
/// <param name="Name"><c>NPT12</c>, <c>L2's</c> or <c>L1's</c>.</param>
/// <param name="Gfn">Where it is, in the memory of the guest.</param>
/// <param name="IsKnown">Its content is known.</param>
/// <param name="Entries">By the index of the entry that shadows it: those that are not 0.</param>
public sealed record GuestTable(string Name, ulong Gfn, bool IsKnown, IReadOnlyDictionary<int, ulong> Entries)
{
    private const int Has4ByteBit = 4;
    private const int QuadrantShift = 5;

    /// <summary>The guest's entry behind one of a table. A table of 4-byte entries has several shadows, each of a part of it.</summary>
    /// <remarks>KVM: kvm_mmu_page_role.quadrant.</remarks>
    internal static ulong EntryOf(TreeTable table, int index, Dictionary<int, ulong> words)
    {
        if ((table.Role >> Has4ByteBit & 1) == 0)
            return words.GetValueOrDefault(index);
        var quadrant = (int)(table.Role >> QuadrantShift & 3);
        var entry = table.Level == 1 ? ((quadrant & 1) * 512) + index : (quadrant * 256) + (index >> 1);
        return words.GetValueOrDefault(entry >> 1) >> ((entry & 1) * 32) & 0xffff_ffff;
    }

    /// <summary>Rights and state of an entry, letters of <c>rwxuad</c>; null: not present.</summary>
    public static string? Rights(ulong entry) => (entry & 1) == 0 ? null
        : $"r{((entry & 2) != 0 ? 'w' : '-')}{((entry >> 63) == 0 ? 'x' : '-')}{((entry & 4) != 0 ? 'u' : '-')}{((entry & 0x20) != 0 ? 'a' : '-')}{((entry & 0x40) != 0 ? 'd' : '-')}";
}

/// <summary>The root that a vCPU walked from after an event.</summary>
/// <param name="TableId">Its table.</param>
/// <param name="Register">The register that names it: EPTP, nCR3 or CR3; null in an observed run that does not show it.</param>
/// <param name="Ordinal">The event that loaded it.</param>
public sealed record TreeRoot(long TableId, ulong? Register, long Ordinal);

/// <summary>What an entry that maps a page says besides its frame and rights, in the words of KVM and the SDM.</summary>
public static class EntryWords
{
    private const int AdTypeShift = 52;
    private const ulong AdTypeMask = 3;
    private const ulong AdDisabled = 1;

    private static readonly string[] MemoryTypes = ["UC", "WC", "2", "3", "WT", "WP", "WB", "7"];

    /// <summary>
    /// Such as <c>WB ipat host-writable mmu-writable</c>. Memory type and ignore-PAT are in EPT format only.
    /// </summary>
    /// <remarks>KVM: shadow_host_writable_mask, shadow_mmu_writable_mask, VMX_EPT_MT_MASK, VMX_EPT_IPAT_BIT.</remarks>
    /// <param name="entry">The entry.</param>
    /// <param name="isEpt">Its format is EPT's, not x86.</param>
    /// <param name="isEarly">Of a kernel that had no bit for what is present, and its own two beside the address.</param>
    public static string Describe(TreeEntry entry, bool isEpt, bool isEarly = false)
    {
        if (!entry.IsLeaf)
            return "";
        var words = new List<string>(5);
        if (isEpt)
        {
            words.Add(MemoryTypes[entry.Value >> 3 & 7]);
            Add(6, "ipat");
        }

        Add(isEarly ? 10 : isEpt ? 57 : 9, "host-writable");
        Add(isEarly ? 11 : isEpt ? 58 : 10, "mmu-writable");
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
