namespace Replay.Recorder.Tests.Synthetic;

/// <summary>Registers as a stream's events tell them.</summary>
internal sealed class NaiveVcpu
{
    public ulong Cr0 { get; set; }

    public ulong Cr3 { get; set; }

    public ulong Cr4 { get; set; }

    public ulong Efer { get; set; }

    public uint Pkru { get; set; }

    public ulong[] Pdptes { get; set; } = [];

    /// <summary>The hypervisor, while its nested guest runs.</summary>
    public NaiveVcpu? L1 { get; init; }

    /// <summary>Root of the nested page tables, where the nested guest has them.</summary>
    public ulong? NestedCr3 { get; init; }

    public HoardingTlb Tlb { get; } = new();

    public int Pcid => (Cr4 >> 17 & 1) != 0 ? (int)(Cr3 & 0xfff) : 0;

    public string Paging
        => (Cr0 >> 31 & 1) == 0 ? "off"
        : (Cr4 >> 5 & 1) == 0 ? "32"
        : (Efer >> 8 & 1) == 0 ? "pae"
        : (Cr4 >> 12 & 1) == 0 ? "4"
        : "5";

    public int ShiftOf(int level) => 12 + ((level - 1) * (Paging == "32" ? 10 : 9));
}
