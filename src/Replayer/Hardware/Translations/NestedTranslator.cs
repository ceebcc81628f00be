using System.Runtime.CompilerServices;
using Replay.Replayer.Guest;
using Replay.Replayer.Kvm;
using Replay.Replayer.Kvm.Host;
using Replay.Trace;

namespace Replay.Replayer.Hardware;

/// <summary>The two-dimensional walk: the guest's tables, each of their entries and the final address through EPT or NPT.</summary>
internal sealed class NestedTranslator(ControlRegisters registers, GuestMemory memory, SecondDimension second, HostProfile profile, PagingStructureCache? cache)
    : Translator
{
    private readonly bool _amd = profile.Vendor == CpuVendor.Amd;
    private readonly CachedPages? _cached = profile is { Vendor: CpuVendor.Amd, SetsAccessedInPdpte: true } ? new CachedPages() : null;
    private PagingRules _rules;
    private long _rulesVersion = -1;
    private long _guestReferences;

    public override bool IsTwoDimensional => true;

    public override long References => _guestReferences + second.References;

    public override void OnEnter(HardwareRoot root, PmlBuffer? pml)
    {
        second.Root = root;
        second.Pml = pml;
    }

    public override void ForgetPage(ulong gva) => _cached?.Remove(gva);

    public override TranslationStatus Translate(in GuestAccess access, out Translation translation)
    {
        translation = default;
        if (second.Root.Table is null)
            return TranslationStatus.Shutdown;
        second.Recorder?.Begin(TopLevel());
        var before = second.References;
        var tables = new GuestTables(memory, second);
        var result = default(WalkResult);
        var status = Walk(ref tables, access, ref result, out var spared);
        var references = tables.References + spared;
        _guestReferences += references;
        switch (status)
        {
            case WalkStatus.Mapped:
                translation.Gpa = result.Address;
                var finished = Finish(GpaAccess.Final(access.Kind, result.Rights), ref translation);
                translation.GuestReferences = references;
                translation.KvmReferences = (int)(second.References - before);
                return finished;
            case WalkStatus.Fault:
                translation.ErrorCode = result.ErrorCode;
                return TranslationStatus.PageFault;
            case WalkStatus.NotCanonical:
                return TranslationStatus.GeneralProtection;
            default:
                if (tables.Unknown is not { } unknown)
                    return Exit(ref translation);
                translation.Gpa = unknown;
                return TranslationStatus.UnknownTable;
        }
    }

    public override TranslationStatus Touch(ulong gpa, AccessKind kind, GpaPurpose purpose, out Translation translation)
    {
        translation = new Translation { Gpa = gpa };
        if (second.Root.Table is null)
            return TranslationStatus.Shutdown;
        return Finish(new GpaAccess(purpose, kind, PageRights.All), ref translation);
    }

    /// <summary>Intel reads them here, as plain data. AMD, with nested paging on, reads a PDPTE when a walk needs it.</summary>
    public override TranslationStatus LoadPdptes(out Translation translation)
    {
        translation = default;
        if (_amd || registers.Mode != PagingMode.Pae)
            return TranslationStatus.Mapped;
        var table = registers.Cr3 & 0xffff_ffe0;
        if (!second.TryTranslate(table, GpaAccess.PdpteLoad, out translation.Hpa))
            return Exit(ref translation);
        for (var i = 0; i < registers.Pdptes.Length; i++)
        {
            _guestReferences++;
            translation.Gpa = table + ((ulong)i * 8);
            if (!memory.TryRead64(translation.Gpa, out var pdpte))
                return TranslationStatus.UnknownTable;
            registers.LoadPdpte(i, PteBits.Pdpte(pdpte));
        }

        return TranslationStatus.Mapped;
    }

    /// <param name="tables">The guest's.</param>
    /// <param name="access">What is asked.</param>
    /// <param name="result">What was found.</param>
    /// <param name="spared">Entries of the guest's that need not be read, because an earlier walk did.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private WalkStatus Walk(ref GuestTables tables, in GuestAccess access, ref WalkResult result, out int spared)
    {
        ref readonly var rules = ref Rules();
        spared = 0;
        if (_cached is not null && rules.Mode == PagingMode.Pae)
            return WalkUnlessCached(_cached, ref tables, rules, access, ref result);
        if (cache is null)
            return CpuGuestWalker.Walk(ref tables, rules, registers, access, ref result);
        var epoch = second.Epoch + memory.ContentEpoch + registers.Version;
        if (cache.TryFind(access.Gva, epoch, out var pageTable, out var references))
        {
            spared = references.Own;
            second.Spare(references.Kvm);
            return CpuGuestWalker.WalkFrom(ref tables, rules, access, pageTable, ref result);
        }

        var status = CpuGuestWalker.Walk(ref tables, rules, registers, access, ref result);
        if (tables.PageTable.Level != 0)
            cache.Fill(access.Gva, epoch, tables.PageTable, tables.ReferencesToPageTable);
        return status;
    }

    /// <summary>A page that the CPU has in its TLB costs no walk, so that a guest finds the accessed bit of a PDPTE where it cleared it.</summary>
    private WalkStatus WalkUnlessCached(CachedPages cached, ref GuestTables tables, in PagingRules rules, in GuestAccess access, ref WalkResult result)
    {
        var sparing = rules with { SetsAccessedInPdpte = !cached.Holds(access, registers.Version) };
        var status = CpuGuestWalker.Walk(ref tables, sparing, registers, access, ref result);
        if (status == WalkStatus.Mapped)
            cached.Add(access);
        return status;
    }

    private ref readonly PagingRules Rules()
    {
        if (_rulesVersion != registers.Version)
        {
            _rulesVersion = registers.Version;
            _rules = PagingRules.ForGuest(registers, profile.GuestPhysicalAddressBits) with
            {
                PdptesInMemory = _amd,
                SetsAccessedInPdpte = _amd && profile.SetsAccessedInPdpte,
                ReservedFaultLacksPresent = profile.ReservedFaultLacksPresent,
            };
        }

        return ref _rules;
    }

    /// <summary>Level of the first of the guest's entries that a walk reads.</summary>
    private int TopLevel() => Rules().Mode switch
    {
        PagingMode.None => 0,
        PagingMode.Bits32 => 2,
        PagingMode.Pae => _amd ? 3 : 2,
        PagingMode.Level5 => 5,
        _ => 4,
    };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private TranslationStatus Finish(in GpaAccess access, ref Translation translation)
    {
        second.Recorder?.FindPage();
        if (!second.TryTranslate(translation.Gpa, access, out translation.Hpa))
            return Exit(ref translation);
        if (second.IsShadow)
            translation.Gpa = second.Target;
        return TranslationStatus.Mapped;
    }

    private TranslationStatus Exit(ref Translation translation)
    {
        translation.ExitReason = second.ExitReason;
        translation.ExitInfo1 = second.ExitInfo1;
        translation.ExitInfo2 = second.ExitGpa;
        return TranslationStatus.Exit;
    }
}

/// <summary>The pages that an emulated CPU has in its TLB: those it walked to since it last entered the guest, or the guest flushed.</summary>
internal sealed class CachedPages
{
    /// <summary>Page → whether for writes, too.</summary>
    private readonly Dictionary<ulong, bool> _pages = [];
    private long _version = -1;

    /// <param name="access">What is asked.</param>
    /// <param name="version">Of the registers; another one than before: what was cached is void.</param>
    public bool Holds(in GuestAccess access, long version)
    {
        if (_version != version)
            _pages.Clear();
        _version = version;
        return _pages.TryGetValue(access.Gva >> 12, out var forWrites) && (forWrites || !access.IsWrite);
    }

    public void Remove(ulong gva) => _pages.Remove(gva >> 12);

    public void Add(in GuestAccess access)
    {
        if (access.IsWrite)
            _pages[access.Gva >> 12] = true;
        else
            _pages.TryAdd(access.Gva >> 12, false);
    }
}
