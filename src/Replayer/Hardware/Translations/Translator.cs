using Replay.Replayer.Guest;
using Replay.Replayer.Kvm;
using Replay.Trace;

namespace Replay.Replayer.Hardware;

/// <summary>How the CPU finds memory: in one dimension through shadow tables, or in two through the guest's tables and KVM's.</summary>
internal abstract class Translator
{
    /// <summary>The guest's own tables are walked by the CPU.</summary>
    public abstract bool IsTwoDimensional { get; }

    /// <summary>Table entries read since the start, the guest's and KVM's.</summary>
    public abstract long References { get; }

    /// <summary>KVM has entered the guest: what the walks start from.</summary>
    public abstract void OnEnter(HardwareRoot root, PmlBuffer? pml);

    /// <summary>The guest flushes one page.</summary>
    public virtual void ForgetPage(ulong gva)
    {
    }

    /// <summary>Translates as if no translation had ever been cached.</summary>
    public abstract TranslationStatus Translate(in GuestAccess access, out Translation translation);

    /// <summary>Goes to a guest-physical address without the guest's tables. Only where <see cref="IsTwoDimensional"/>.</summary>
    public abstract TranslationStatus Touch(ulong gpa, AccessKind kind, GpaPurpose purpose, out Translation translation);

    /// <summary>What the CPU does of its own after MOV to a control register: PAE guests get their PDPTE registers loaded.</summary>
    public abstract TranslationStatus LoadPdptes(out Translation translation);
}
