namespace Replay.Replayer.Guest;

/// <summary>How the guest translates addresses.</summary>
public enum PagingMode : byte
{
    /// <summary>CR0.PG clear: gva is gpa.</summary>
    None = 0,

    /// <summary>Two levels of 4-byte entries.</summary>
    Bits32 = 1,

    /// <summary>Three levels of 8-byte entries, the top one four PDPTE registers.</summary>
    Pae = 2,

    Level4 = 3,

    Level5 = 4,
}
