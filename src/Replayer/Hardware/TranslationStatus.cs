namespace Replay.Replayer.Hardware;

/// <summary>How the CPU's translation of one access ended.</summary>
internal enum TranslationStatus : byte
{
    /// <summary>The access reaches memory.</summary>
    Mapped = 0,

    /// <summary>The CPU leaves the guest.</summary>
    Exit = 1,

    /// <summary>The CPU delivers #PF to the guest.</summary>
    PageFault = 2,

    /// <summary>The CPU delivers #GP to the guest: the address is not canonical.</summary>
    GeneralProtection = 3,

    /// <summary>The walk met a guest table whose content the capture never gave.</summary>
    UnknownTable = 4,

    /// <summary>The CPU runs nothing any more.</summary>
    Shutdown = 5,
}
