using Replay.Replayer.Guest;

namespace Replay.Replayer.Tests.Guest;

/// <summary>Guest tables read straight from guest memory, with every step written down.</summary>
internal struct FlatTables(GuestMemory memory, List<string> steps) : IPageTables
{
    private ulong _address;

    public bool TryRead(ulong address, int size, out ulong entry)
    {
        _address = address;
        steps.Add($"read {address:x}");
        return memory.TryRead(address, size, out entry);
    }

    public readonly bool TrySetBits(uint bits)
    {
        steps.Add($"set {bits:x} at {_address:x}");
        memory.SetBits(_address, bits);
        return true;
    }

    public readonly void ArriveAtPageTable(in WalkPosition position)
    {
    }
}
