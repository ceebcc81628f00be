using Replay.Replayer.Guest;
using Replay.Replayer.History;
using Replay.Replayer.Kvm;
using Replay.Replayer.Kvm.Host;
using Replay.Replayer.Kvm.Mmu;
using Replay.Replayer.SavedState;
using Replay.Trace;

namespace Replay.Replayer.Hardware;

/// <summary>
/// The one-dimensional walk through shadow tables, guest paging on or off: the CPU runs with the registers that KVM gives it, and
/// every #PF exits.
/// </summary>
internal sealed class ShadowTranslator(
    ControlRegisters registers, TablePages pages, TableWriter writer, HostProfile profile, PagingStructureCache? cache) : Translator
{
    /// <summary>Notes what walks read; null: nobody wants to know.</summary>
    [field: NotState("whoever wants to know sets it")]
    public WalkRecorder? Recorder { get; init; }

    private HardwareRoot _root;
    private long _roots;
    private long _references;

    public override bool IsTwoDimensional => false;

    public override long References => _references;

    /// <summary>Grows with every change after which a walk made earlier might go elsewhere or set a bit.</summary>
    private long Epoch => writer.TranslationEpoch + _roots;

    public override void OnEnter(HardwareRoot root, PmlBuffer? pml)
    {
        if (_root == root)
            return;
        _roots++;
        _root = root;
    }

    public override TranslationStatus Translate(in GuestAccess access, out Translation translation)
    {
        translation = default;
        if (_root.Table is null)
            return TranslationStatus.Shutdown;
        Recorder?.Begin(0);
        var tables = new KvmTables(pages, writer, Recorder);
        var result = default(WalkResult);
        var status = Walk(ref tables, access, ref result, out var spared);
        var references = tables.References + spared;
        _references += references;
        translation = new Translation { Hpa = result.Address, KvmReferences = references };
        switch (status)
        {
            case WalkStatus.Mapped:
                return TranslationStatus.Mapped;
            case WalkStatus.NotCanonical:
                return TranslationStatus.GeneralProtection;
            default:
                translation.ExitReason = ExitReason.PageFault;
                translation.ExitInfo1 = (ulong)result.ErrorCode;
                translation.ExitInfo2 = access.Gva;
                return TranslationStatus.Exit;
        }
    }

    public override TranslationStatus Touch(ulong gpa, AccessKind kind, GpaPurpose purpose, out Translation translation) =>
        throw new InvariantViolation("shadow tables have no guest-physical side");

    public override TranslationStatus LoadPdptes(out Translation translation)
    {
        translation = default;
        return TranslationStatus.Mapped;
    }

    /// <param name="tables">KVM's.</param>
    /// <param name="access">What is asked.</param>
    /// <param name="result">What was found.</param>
    /// <param name="spared">Entries that need not be read, because an earlier walk did.</param>
    private WalkStatus Walk(ref KvmTables tables, in GuestAccess access, ref WalkResult result, out int spared)
    {
        var rules = Rules();
        return _root.Level > PgLevel.RootPae
            ? WalkLong(ref tables, rules, access, ref result, out spared)
            : WalkPae(ref tables, rules, access, ref result, out spared);
    }

    private WalkStatus WalkLong(ref KvmTables tables, in PagingRules rules, in GuestAccess access, ref WalkResult result, out int spared)
    {
        spared = 0;
        if (!CpuGuestWalker.IsCanonical(access.Gva, _root.Level))
            return WalkStatus.NotCanonical;
        if (cache is not null && cache.TryFind(access.Gva, Epoch, out var from, out var references))
            spared = references.Own;
        else
            from = WalkPosition.Start(_root.Table!.Pfn << 12, _root.Level);
        var status = PageWalk.Walk<LongFormat, KvmTables>(ref tables, rules, access, from, ref result);
        if (tables.PageTable.Level != 0)
            cache?.Fill(access.Gva, Epoch, tables.PageTable, (tables.ReferencesToPageTable, 0));
        return status;
    }

    private WalkStatus WalkPae(ref KvmTables tables, in PagingRules rules, in GuestAccess access, ref WalkResult result, out int spared)
    {
        spared = 0;
        var table = _root.Table!.Pfn << 12;
        var truncated = access with { Gva = (uint)access.Gva };
        tables.TryRead(table + (truncated.Gva >> 30) * 8, 8, out var pdpte);
        if ((pdpte & PteBits.Present) == 0)
        {
            result.ErrorCode = rules.FaultCode(PageFaultCode.None, access);
            return WalkStatus.Fault;
        }

        if (profile.SetsAccessedInPdpte && (pdpte & PteBits.Accessed) == 0)
            tables.TrySetBits(PteBits.Accessed);
        return PageWalk.Walk<PaeFormat, KvmTables>(ref tables, rules, truncated, WalkPosition.Start(pdpte & PteBits.Frame, 2), ref result);
    }

    /// <summary>
    /// CR0.WP and EFER.NXE are always on while tables are shadowed; SMEP and SMAP as the guest has them, but not while its paging is
    /// off; protection keys are not offered to the guest.
    /// </summary>
    /// <remarks>KVM: vmx_set_cr0(), vmx_set_cr4(), update_transition_efer(); svm_set_cr0(), svm_set_cr4(), svm_set_efer().</remarks>
    private PagingRules Rules() => new()
    {
        Mode = _root.Level > PgLevel.RootPae ? PagingMode.Level4 : PagingMode.Pae,
        WriteProtect = true,
        NoExecute = true,
        Smep = registers.PagingEnabled && registers.Smep,
        Smap = registers.PagingEnabled && registers.Smap,
        PhysicalAddressBits = profile.PhysicalAddressBits,
        ReservedFaultLacksPresent = profile.ReservedFaultLacksPresent,
    };
}
