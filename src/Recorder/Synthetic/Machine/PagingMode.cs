namespace Replay.Recorder.Synthetic.Machine;

/// <summary>How the guest translates addresses, as CR0.PG, CR4.PAE, EFER.LMA and CR4.LA57 say.</summary>
public enum PagingMode : byte
{
    /// <summary>CR0.PG = 0: a virtual address is a physical one.</summary>
    Off,

    /// <summary>32-bit paging: two levels of 4-byte entries, 4 MiB pages with CR4.PSE.</summary>
    TwoLevel,

    /// <summary>PAE: four PDPTE registers and two levels of 8-byte entries.</summary>
    Pae,

    FourLevel,

    FiveLevel,
}
