using System.Runtime.InteropServices;

namespace Replay.Replayer.History;

/// <summary>Something the model does not do, or that the capture and the model disagree about: named, never silent.</summary>
public enum ModelNote : byte
{
    /// <summary>The model's translation of an access differs from the gpa that the source saw.</summary>
    TranslationDiffers = 1,

    /// <summary>The model says #PF, the capture shows a successful access.</summary>
    UnexpectedGuestFault = 2,

    /// <summary>The capture shows a #PF, the model's walk succeeds.</summary>
    MissingGuestFault = 3,

    /// <summary>The #PF's error code differs.</summary>
    GuestFaultCodeDiffers = 4,

    /// <summary>A guest page-table page was walked whose content the capture never gave.</summary>
    UnknownTableContent = 5,

    /// <summary>A table entry that was in use lost something at a point that is no flush point of the capture's filter: dropped accesses might have faulted.</summary>
    ZapOffFlushPoint = 6,

    /// <summary>The source saw a device where the memslots have RAM, or the reverse.</summary>
    MmioDiffers = 7,

    /// <summary>A host or guest event that this mode does not model.</summary>
    EventNotModelled = 8,

    /// <summary>An access did not complete within the limit of retries.</summary>
    NoProgress = 9,

    /// <summary>The guest set up a state that ends in a triple fault or an invalid VM entry in the model.</summary>
    TripleFault = 10,

    /// <summary>The capture lost events here.</summary>
    LostEvents = 11,

    /// <summary>A line of an imported trace could not be used.</summary>
    DamagedLine = 12,

    /// <summary>
    /// A nested guest was entered that the model does not follow, or the capture's recorder met some and did not follow them: what they made is
    /// not told apart from their hypervisor's (one note for all).
    /// </summary>
    NestedNotFollowed = 13,

    /// <summary>The recorded guest uses a feature of its CPU that the modelled KVM offers no guest in this mode.</summary>
    FeatureNotOffered = 14,
}

/// <summary>Why a nested guest is not followed.</summary>
public enum NestedRefusal : byte
{
    None = 0,

    /// <summary>VMRUN, and the host is Intel's.</summary>
    SvmOnIntel = 1,

    /// <summary>VMLAUNCH, and the host is AMD's.</summary>
    VmxOnAmd = 2,

    /// <summary>Nested page tables, and KVM itself has none of the CPU's.</summary>
    TablesUnderShadowPaging = 3,

    /// <summary>The nested guest enters one of its own.</summary>
    GuestOfNestedGuest = 4,
}

/// <summary>One occurrence of a <see cref="ModelNote"/>. Occurrences are counted without limit and reported up to a limit per kind.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
public readonly record struct ModelNoteRecord
{
    public long Seq { get; init; }

    public long Ordinal { get; init; }

    public ulong Gva { get; init; }

    /// <summary>What the capture says (an address or a code).</summary>
    public ulong Recorded { get; init; }

    /// <summary>What the model says.</summary>
    public ulong Modelled { get; init; }

    public ModelNote Kind { get; init; }

    public byte Vcpu { get; init; }

    /// <summary>Of the instruction; 0 where the capture has none.</summary>
    public ulong Rip { get; init; }

    /// <inheritdoc cref="GuestContext"/>
    public GuestContext Context { get; init; }
}
