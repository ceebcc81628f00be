namespace Replay.Replayer.Guest;

/// <summary>How a walk ended.</summary>
internal enum WalkStatus : byte
{
    /// <summary>It found a page and the access is allowed; accessed and dirty bits are set.</summary>
    Mapped = 0,

    /// <summary>#PF.</summary>
    Fault = 1,

    /// <summary>#GP: the address is not canonical.</summary>
    NotCanonical = 2,

    /// <summary>An entry could not be reached; the tables know why.</summary>
    Unreachable = 3,
}
