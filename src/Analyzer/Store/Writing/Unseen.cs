namespace Replay.Analyzer.Store;

/// <summary>
/// What stands in a record of an observed run for something that its source does not show, and becomes NULL in the database. Runs of
/// the model have no such gaps: there these values are what they are.
/// </summary>
/// <remarks>KVM makes no entry like <see cref="Word"/>, and it is no canonical address.</remarks>
public static class Unseen
{
    /// <summary>An address, an entry, a register.</summary>
    public const ulong Word = 0x7ffe_dead_dead_dead;

    /// <summary>A vCPU, an outcome, a level.</summary>
    public const byte Byte = 255;
}
