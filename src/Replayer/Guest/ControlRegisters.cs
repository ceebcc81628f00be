using Replay.Trace;

namespace Replay.Replayer.Guest;

/// <summary>The registers of one vCPU that decide how addresses are translated.</summary>
public sealed class ControlRegisters
{
    private readonly ulong[] _pdptes = new ulong[4];

    /// <summary>Moves whenever something that decides translations is set, to whatever value.</summary>
    public long Version { get; private set; }

    public ulong Cr0 { get; set => Set(ref field, value); }

    public ulong Cr2 { get; set; }

    /// <summary>As the guest reads it: without the no-flush bit.</summary>
    public ulong Cr3 { get; set => Set(ref field, value); }

    public ulong Cr4 { get; set => Set(ref field, value); }

    public ulong Efer { get; set => Set(ref field, value); }

    public uint Pkru { get; set => Set(ref field, value); }

    /// <summary>The four PDPTE registers of PAE paging, loaded with CR3.</summary>
    public ReadOnlySpan<ulong> Pdptes => _pdptes;

    /// <summary>Current privilege level; user accesses carry their own flag, this serves events that have none.</summary>
    public int Cpl { get; set; }

    public bool PagingEnabled => (Cr0 & ControlBits.Cr0Pg) != 0;

    public bool WriteProtect => (Cr0 & ControlBits.Cr0Wp) != 0;

    public bool Smep => (Cr4 & ControlBits.Cr4Smep) != 0;

    public bool Smap => (Cr4 & ControlBits.Cr4Smap) != 0;

    public bool Nx => (Efer & ControlBits.EferNxe) != 0;

    public bool LongMode => (Efer & ControlBits.EferLma) != 0;

    public bool Pcide => (Cr4 & ControlBits.Cr4Pcide) != 0;

    public PagingMode Mode => !PagingEnabled ? PagingMode.None
        : (Cr4 & ControlBits.Cr4Pae) == 0 ? PagingMode.Bits32
        : (Efer & (ControlBits.EferLma | ControlBits.EferLme)) == 0 ? PagingMode.Pae
        : (Cr4 & ControlBits.Cr4La57) != 0 ? PagingMode.Level5
        : PagingMode.Level4;

    /// <summary>Loads one of the four PDPTE registers.</summary>
    public void LoadPdpte(int index, ulong value) => Set(ref _pdptes[index], value);

    /// <summary>The CPU ran another world meanwhile: nothing that it cached is left.</summary>
    public void Forget() => Version++;

    private void Set<T>(ref T register, T value)
        where T : unmanaged
    {
        register = value;
        Version++;
    }
}
