namespace Replay.Replayer.Hardware;

/// <summary>Why the CPU goes to a guest-physical address.</summary>
internal enum GpaPurpose : byte
{
    /// <summary>It is where the access itself goes.</summary>
    Final = 0,

    /// <summary>The entry of a guest table stands there and is read.</summary>
    TableRead = 1,

    /// <summary>The entry of a guest table stands there and gets accessed or dirty bits.</summary>
    TableUpdate = 2,

    /// <summary>MOV to a control register loads the PDPTE registers from there.</summary>
    PdpteLoad = 3,
}
