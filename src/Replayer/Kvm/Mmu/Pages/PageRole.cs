namespace Replay.Replayer.Kvm.Mmu;

/// <summary>What a shadow page is for; with the gfn it is the page's identity.</summary>
/// <remarks>
/// <code>
/// 31..24  23..19  18           17          16           15              14              13      12       11       10..8   7       6..5      4                 3..0
/// smm     -       passthrough  guest_mode  ad_disabled  smap_andnot_wp  smep_andnot_wp  cr0_wp  efer_nx  invalid  access  direct  quadrant  has_4_byte_gpte   level
/// </code>
/// KVM: union kvm_mmu_page_role.
/// </remarks>
public readonly record struct PageRole(uint Word)
{
    public const uint Has4ByteGpteMask = 1u << 4;
    public const uint DirectMask = 1u << 7;
    public const uint InvalidMask = 1u << 11;
    public const uint EferNxMask = 1u << 12;
    public const uint Cr0WpMask = 1u << 13;
    public const uint SmepAndNotWpMask = 1u << 14;
    public const uint SmapAndNotWpMask = 1u << 15;
    public const uint AdDisabledMask = 1u << 16;
    public const uint GuestModeMask = 1u << 17;
    public const uint PassthroughMask = 1u << 18;

    /// <summary>1 (PT) to 5; 0 stands for no paging in a CPU role.</summary>
    public int Level => (int)(Word & 15);

    public bool Has4ByteGpte => (Word & Has4ByteGpteMask) != 0;

    /// <summary>Which part of a 4-byte-entry guest table an 8-byte-entry shadow page covers.</summary>
    public int Quadrant => (int)(Word >> 5 & 3);

    public bool Direct => (Word & DirectMask) != 0;

    /// <summary>ACC_* bits inherited from the guest's upper levels.</summary>
    public PteAccess Access => (PteAccess)(Word >> 8 & 7);

    public bool Invalid => (Word & InvalidMask) != 0;

    public bool EferNx => (Word & EferNxMask) != 0;

    public bool Cr0Wp => (Word & Cr0WpMask) != 0;

    public bool SmepAndNotWp => (Word & SmepAndNotWpMask) != 0;

    public bool SmapAndNotWp => (Word & SmapAndNotWpMask) != 0;

    public bool AdDisabled => (Word & AdDisabledMask) != 0;

    public bool GuestMode => (Word & GuestModeMask) != 0;

    public bool Passthrough => (Word & PassthroughMask) != 0;

    /// <summary>Address space: 1 for SMM.</summary>
    public int AddressSpace => Word >> 24 != 0 ? 1 : 0;

    public PageRole WithLevel(int level) => new((Word & ~15u) | (uint)level);

    public PageRole WithQuadrant(int quadrant) => new((Word & ~(3u << 5)) | (uint)quadrant << 5);

    public PageRole WithDirect(bool direct) => With(DirectMask, direct);

    public PageRole WithAccess(PteAccess access) => new((Word & ~(7u << 8)) | (uint)access << 8);

    public PageRole WithInvalid(bool invalid) => With(InvalidMask, invalid);

    public PageRole With(uint mask, bool on) => new(on ? Word | mask : Word & ~mask);

    public override string ToString() => $"{Word:x8}";
}
