namespace Replay.Replayer.Hardware;

/// <summary>
/// The page-modification log of one vCPU: the CPU writes down each guest-physical page whose EPT entry it makes dirty, and exits
/// before the log would overflow. KVM reads and empties it at every exit.
/// </summary>
public sealed class PmlBuffer
{
    /// <summary>PML_ENTITY_NUM: one page of 8-byte entries.</summary>
    public const int Capacity = 512;

    private readonly ulong[] _gpas = new ulong[Capacity];

    public int Count { get; private set; }

    public bool IsFull => Count == Capacity;

    /// <summary>Guest-physical addresses, page aligned, in the order in which they were logged.</summary>
    public ReadOnlySpan<ulong> Entries => _gpas.AsSpan(0, Count);

    public void Clear() => Count = 0;

    /// <summary>Logs what is about to get its dirty bit.</summary>
    /// <returns>False: the buffer is full, and the access must make an exit before it sets the bit.</returns>
    internal bool TryLog(ulong gpa)
    {
        if (IsFull)
            return false;
        _gpas[Count++] = gpa & ~0xfffUL;
        return true;
    }
}
