namespace Replay.Replayer.Guest;

/// <summary>The registers of one vCPU that decide how addresses are translated, and the bits of them that matter.</summary>
public sealed class ControlRegisters
{
    public const ulong Cr0Pe = 1UL << 0;
    public const ulong Cr0Wp = 1UL << 16;
    public const ulong Cr0Cd = 1UL << 30;
    public const ulong Cr0Nw = 1UL << 29;
    public const ulong Cr0Pg = 1UL << 31;
    public const ulong Cr4Pse = 1UL << 4;
    public const ulong Cr4Pae = 1UL << 5;
    public const ulong Cr4Pge = 1UL << 7;
    public const ulong Cr4La57 = 1UL << 12;
    public const ulong Cr4Pcide = 1UL << 17;
    public const ulong Cr4Smep = 1UL << 20;
    public const ulong Cr4Smap = 1UL << 21;
    public const ulong Cr4Pke = 1UL << 22;
    public const ulong EferLme = 1UL << 8;
    public const ulong EferLma = 1UL << 10;
    public const ulong EferNx = 1UL << 11;

    /// <summary>CR3 bit 63 in a write: keep the translations of this PCID.</summary>
    public const ulong Cr3NoFlush = 1UL << 63;

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

    public bool PagingEnabled => (Cr0 & Cr0Pg) != 0;

    public bool WriteProtect => (Cr0 & Cr0Wp) != 0;

    public bool Smep => (Cr4 & Cr4Smep) != 0;

    public bool Smap => (Cr4 & Cr4Smap) != 0;

    public bool Nx => (Efer & EferNx) != 0;

    public bool LongMode => (Efer & EferLma) != 0;

    public bool Pcide => (Cr4 & Cr4Pcide) != 0;

    public PagingMode Mode => !PagingEnabled ? PagingMode.None
        : (Cr4 & Cr4Pae) == 0 ? PagingMode.Bits32
        : (Efer & (EferLma | EferLme)) == 0 ? PagingMode.Pae
        : (Cr4 & Cr4La57) != 0 ? PagingMode.Level5
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
