using Replay.Replayer.Guest;
using Replay.Replayer.Kvm.Host;

namespace Replay.Replayer.Kvm.Mmu.Shadow;

/// <summary>Which bits of guest entries must be clear, by level.</summary>
/// <remarks>KVM: struct rsvd_bits_validate, __reset_rsvds_bits_mask(); __is_bad_mt_xwr().</remarks>
internal readonly struct GuestReservedBits
{
    private const ulong PageSize = PteBits.PageSize;

    private readonly ulong _high;
    private readonly ulong _nonleafBit8;
    private readonly ulong _gigabytePages;
    private readonly int _rootLevel;
    private readonly bool _pse;
    private readonly bool _isEpt;

    /// <summary>Combinations of memory type and rights that must not be, by the entry's low six bits.</summary>
    private readonly ulong _badTypesAndRights;

    private GuestReservedBits(in CpuRole role, HostProfile profile)
    {
        _rootLevel = role.Base.Level;
        _pse = role.Cr4Pse;
        _high = Bits(profile.GuestPhysicalAddressBits, 63) & (_rootLevel == PgLevel.RootPae ? Bits(0, 62) : Bits(0, 51));
        if (!role.Base.EferNx)
            _high |= PteBits.NoExecute;
        _nonleafBit8 = profile.Vendor == CpuVendor.Amd ? 1UL << 8 : 0;
        _gigabytePages = profile.GigabytePages ? 0 : PageSize;
    }

    /// <remarks>KVM: reset_rsvds_bits_mask_ept().</remarks>
    private GuestReservedBits(HostProfile profile, bool executeOnly)
    {
        _isEpt = true;
        _high = Bits(profile.GuestPhysicalAddressBits, 51);
        _gigabytePages = profile.GigabytePages ? 0 : PageSize;
        _badTypesAndRights = (0xffUL << (2 * 8)) | (0xffUL << (3 * 8)) | (0xffUL << (7 * 8)) | InEachType(2) | InEachType(6) | (executeOnly ? 0 : InEachType(4));
    }

    /// <summary>Of the extended page tables of a hypervisor.</summary>
    public static GuestReservedBits OfEpt(in CpuRole role, HostProfile profile) => new(profile, role.ExecuteOnly);

    public static GuestReservedBits Of(in CpuRole role, HostProfile profile) => new(role, profile);

    /// <remarks>KVM: FNAME(is_rsvd_bits_set)().</remarks>
    public bool AreSet(ulong gpte, int level) => (gpte & Mask(level, (gpte & PageSize) != 0)) != 0 || (_badTypesAndRights >> (int)(gpte & 63) & 1) != 0;

    private static ulong Bits(int low, int high) => high < low ? 0 : (ulong.MaxValue >> (63 - high + low)) << low;

    private static ulong InEachType(int rights) => 0x0101_0101_0101_0101UL << rights;

    private ulong EptMask(int level, bool hasPageSizeBit) => (level, hasPageSizeBit) switch
    {
        (1, _) => _high,
        (2, false) => _high | Bits(3, 6),
        (2, true) => _high | Bits(12, 20),
        (3, false) => _high | Bits(3, 6) | _gigabytePages,
        (3, true) => _high | _gigabytePages | Bits(12, 29),
        _ => _high | Bits(3, 7),
    };

    private ulong Mask(int level, bool hasPageSizeBit)
    {
        if (_isEpt)
            return EptMask(level, hasPageSizeBit);
        if (_rootLevel == PgLevel.Root32)
            return level == 2 && hasPageSizeBit && _pse ? Bits(17, 21) : 0;
        return (level, hasPageSizeBit) switch
        {
            (1, _) or (2, false) => _high,
            (2, true) => _high | Bits(13, 20),
            (3, false) => _high | _gigabytePages,
            (3, true) => _high | _gigabytePages | Bits(13, 29),
            _ => _high | _nonleafBit8 | PageSize,
        };
    }
}
