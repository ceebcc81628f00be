namespace Replay.Recorder.Ftrace.Reconstruction;

/// <summary>What the bits of KVM's entries say, in the form of EPT or of x86.</summary>
internal readonly struct EntryForm(bool isEpt)
{
    private const ulong Rights = 7;
    private const ulong WriteBit = 2;
    private const ulong EptHostWritable = 1UL << 57;
    private const ulong X86HostWritable = 1UL << 9;
    private const ulong EptDirty = 1UL << 9;
    private const ulong X86Dirty = 1UL << 6;
    private const ulong X86Mmio = 1UL << 51;
    private const ulong Large = 1UL << 7;
    private const ulong FrameMask = 0xf_ffff_ffff_f000;

    /// <summary>Maps something: has rights, and is no MMIO entry.</summary>
    public bool IsPresent(ulong spte) => (spte & Rights) != 0 && !IsMmio(spte);

    /// <summary>Write without read in EPT's form, bit 51 in x86 form.</summary>
    public bool IsMmio(ulong spte) => isEpt ? (spte & 3) == WriteBit : (spte & X86Mmio) != 0;

    /// <summary>Maps a page.</summary>
    public bool IsLeaf(ulong spte, int level) => IsPresent(spte) && (level == 1 || (spte & Large) != 0);

    /// <summary>Points at a table.</summary>
    public bool IsTable(ulong spte, int level) => IsPresent(spte) && level > 1 && (spte & Large) == 0;

    public ulong Pfn(ulong spte) => (spte & FrameMask) >> 12;

    /// <summary>The host maps the page writable.</summary>
    public bool IsHostWritable(ulong spte) => (spte & (isEpt ? EptHostWritable : X86HostWritable)) != 0;

    public static bool IsWritable(ulong spte) => (spte & WriteBit) != 0;

    /// <summary>The guest can write the page and no dirty log hears of it any more.</summary>
    public bool IsDirty(ulong spte) => IsWritable(spte) && ((spte & (isEpt ? EptDirty : X86Dirty)) != 0 || IsAdDisabled(spte));

    /// <summary>The same page, which may be written no more, or not without being logged.</summary>
    public bool IsCleaned(ulong old, ulong spte) => Pfn(old) == Pfn(spte) && (old & ~spte & (WriteBit | (isEpt ? EptDirty : X86Dirty))) != 0;

    /// <summary>EPT's accessed and dirty bits are off.</summary>
    public bool IsAdDisabled(ulong spte) => isEpt && (spte >> 52 & 3) == 1;
}
