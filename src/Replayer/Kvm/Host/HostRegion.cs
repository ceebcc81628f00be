namespace Replay.Replayer.Kvm.Host;

/// <summary>The host's page table over one aligned 2 MiB range: 512 small pages, or one huge one.</summary>
internal sealed class HostRegion
{
    public const int PageCount = 512;

    private readonly HostPteState[] _states = new HostPteState[PageCount];
    private readonly bool[] _protected = new bool[PageCount];
    private Dictionary<int, ulong>? _sharedFrames;

    public HostRegion(HostPteState state, bool huge)
    {
        Array.Fill(_states, state);
        IsHuge = huge && state != HostPteState.None;
    }

    /// <summary>Mapped by one entry of the middle directory.</summary>
    public bool IsHuge { get; private set; }

    /// <summary>A huge entry that lost its write permission to mprotect and has not been written since.</summary>
    public bool HugeEntryIsReadOnly { get; set; }

    public HostPteState State(int index) => _states[index];

    /// <summary>mprotect took write permission from the page's mapping.</summary>
    public bool IsProtected(int index) => _protected[index];

    public void SetState(int index, HostPteState state) => _states[index] = state;

    public void SetShared(int index, ulong pfn)
    {
        _states[index] = HostPteState.Shared;
        (_sharedFrames ??= [])[index] = pfn;
    }

    public ulong SharedFrame(int index) => _sharedFrames![index];

    public void SetProtected(int index, bool isProtected) => _protected[index] = isProtected;

    /// <summary>A huge page comes in whole.</summary>
    public void FillHuge(HostPteState state)
    {
        Array.Fill(_states, state);
        IsHuge = true;
        HugeEntryIsReadOnly = false;
    }

    /// <summary>The huge entry gives way to 512 small ones with the same content.</summary>
    public void Split()
    {
        IsHuge = false;
        HugeEntryIsReadOnly = false;
    }

    /// <summary>No page of it is shared or protected.</summary>
    public bool CanCollapse() => !_states.Contains(HostPteState.Shared) && !_protected.Contains(true);

    public bool IsEmpty()
    {
        foreach (var state in _states)
        {
            if (state != HostPteState.None)
                return false;
        }

        return true;
    }
}
