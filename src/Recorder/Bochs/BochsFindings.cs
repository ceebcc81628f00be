namespace Replay.Recorder.Bochs;

/// <summary>What a recording met, in numbers.</summary>
internal sealed class BochsFindings
{
    public long Instructions { get; set; }

    public long TablePages { get; set; }

    public long GuestPageFaults { get; set; }

    public long NestedEntries { get; set; }

    /// <summary>Table entries that the CPU found other than the trace had them.</summary>
    public long Corrections { get; set; }

    /// <summary>Accesses that ended elsewhere than the tables in memory say: by a translation that the CPU had kept.</summary>
    public long OtherTranslations { get; set; }

    /// <summary>Instructions or fetches of which the trace does not say where they were.</summary>
    public long Untold { get; set; }

    /// <summary>Page faults whose address neither the operands nor the walk tell.</summary>
    public long UnknownFaultAddresses { get; set; }

    public long RealModeDeliveries { get; set; }

    public long Management { get; set; }

    public long UntoldPkru { get; set; }

    public long SegmentBases { get; set; }

    /// <summary>What becomes part of the manifest's <c>origin</c>.</summary>
    public SortedDictionary<string, string> Origin() => new(StringComparer.Ordinal)
    {
        ["instructions"] = Text(Instructions),
        ["page_table_pages"] = Text(TablePages),
        ["guest_page_faults"] = Text(GuestPageFaults),
        ["nested_entries"] = Text(NestedEntries),
    };

    /// <summary>What the recording could not see.</summary>
    public List<string> Blind()
    {
        List<string> blind =
        [
            "DMA: what devices write to guest memory is not seen; page tables are put right where the CPU reads another entry",
            "accesses that fault: only their retry is seen",
        ];
        Add(Corrections, "page-table entries were other than every store seen had left them, and were put right where the CPU read them");
        Add(OtherTranslations, "accesses ended where the CPU had kept a translation that the tables no longer gave");
        Add(Untold, "instructions or fetches whose physical address Bochs did not tell");
        Add(UnknownFaultAddresses, "page faults whose address is not known for sure");
        Add(RealModeDeliveries, "interrupts delivered in real mode: what they touched is not told as theirs");
        Add(Management, "times system management mode was left: what it did stands in the stream as the guest's");
        Add(UntoldPkru, "XRSTOR instructions that may have changed PKRU");
        Add(SegmentBases, "instructions in code segments whose base is not known");
        return blind;

        void Add(long count, string what)
        {
            if (count > 0)
                blind.Add($"{count} {what}");
        }
    }

    private static string Text(long value) => value.ToString(System.Globalization.CultureInfo.InvariantCulture);
}
