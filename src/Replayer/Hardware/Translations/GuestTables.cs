using Replay.Replayer.Guest;

namespace Replay.Replayer.Hardware;

/// <summary>A guest's tables behind the second dimension: each entry stands at a guest-physical address that is translated first.</summary>
internal struct GuestTables(GuestMemory memory, SecondDimension second) : IPageTables
{
    private readonly long _before = second.References;
    private ulong _address;
    private long _forSettingBits;

    /// <summary>The address of an entry that lies in a page whose content the capture never gave; otherwise null.</summary>
    public ulong? Unknown { get; private set; }

    /// <summary>Entries read.</summary>
    public int References { get; private set; }

    /// <summary>The page table that the walk came to, level 0 where to none.</summary>
    public WalkPosition PageTable { get; private set; }

    /// <summary>Entries read on the way to the page table, the guest's and KVM's; without what setting bits took, which another walk need not do.</summary>
    public (int Own, int Kvm) ReferencesToPageTable { get; private set; }

    public bool TryRead(ulong address, int size, out ulong entry)
    {
        _address = address;
        entry = 0;
        second.Recorder?.FindEntry();
        if (!second.TryTranslate(address, GpaAccess.TableRead, out var hpa))
            return false;
        References++;
        if (second.IsShadow)
            _address = second.Target;
        if (memory.TryRead(_address, size, out entry))
        {
            second.Recorder?.OfGuest(hpa, _address, entry);
            return true;
        }

        Unknown = _address;
        return false;
    }

    public bool TrySetBits(uint bits)
    {
        var before = second.References;
        if (!second.TableReadsAreWrites && !second.TryTranslate(_address, GpaAccess.TableUpdate, out _))
            return false;
        _forSettingBits += second.References - before;
        memory.SetBits(_address, bits);
        return true;
    }

    public void ArriveAtPageTable(in WalkPosition position)
    {
        PageTable = position;
        ReferencesToPageTable = (References, (int)(second.References - _before - _forSettingBits));
    }
}
