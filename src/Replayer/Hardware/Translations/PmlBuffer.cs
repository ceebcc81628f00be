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

    internal void Log(ulong gpa) => _gpas[Count++] = gpa & ~0xfffUL;
}
