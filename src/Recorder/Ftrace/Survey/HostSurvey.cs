using Replay.Trace.Tracepoints;

namespace Replay.Recorder.Ftrace;

/// <summary>Looks at a trace for what it tells of the host.</summary>
internal sealed class HostSurvey : TracepointSink
{
    private const ulong QualificationBits = 0x180;
    private const ulong NptBits = 3UL << 32;
    private const ulong PlainErrorBits = 0x3f;
    private const ulong EptMemoryType = 7UL << 3;
    private const ulong EptWriteBack = 6UL << 3;
    private const ulong X86Accessed = 1UL << 5;
    private const ulong X86AccessedOrDirty = 3UL << 5;
    private const ulong LargePage = 1UL << 7;
    private const ulong X86CacheBits = 3UL << 3;
    private const ulong FrozenWithoutPresent = 1UL << 63;
    private const ulong Frozen = FrozenWithoutPresent | 0x5a0;
    private const ulong DirectMapAlignment = (1UL << 30) - 1;
    private const ulong MmuPresent = 1UL << 11;
    private const ulong X86Mmio = 1UL << 51;

    private readonly VmSurvey _vms = new();
    private readonly SortedSet<string> _names = new(StringComparer.Ordinal);
    private readonly KernelSpan _kernel = new();
    private TracepointName? _lastName;
    private long _eptEntries;
    private long _x86Entries;
    private bool _plainFaults;
    private readonly SortedSet<string> _entries = new(StringComparer.Ordinal);
    private readonly SortedSet<string> _returns = new(StringComparer.Ordinal);
    private readonly Dictionary<long, ulong> _lastVirtual = [];
    private readonly SortedDictionary<string, (string Finding, string Ground)> _reasons = new(StringComparer.Ordinal);
    private bool? _isIntel;
    private bool _ept;
    private bool _npt;
    private bool _pageFaultExit;
    private bool _spteChanged;
    private bool _setSpte;
    private bool _presentByRights;
    private ulong? _directMap;
    private bool _hasVirtualAddresses;

    /// <param name="events">Events looked at.</param>
    public HostFindings Findings(long events)
    {
        bool? isEpt = _eptEntries == _x86Entries ? null : _eptEntries > _x86Entries;
        var paging = _ept ? HostPaging.Ept : _npt ? HostPaging.Npt : _pageFaultExit ? HostPaging.Shadow : HostPaging.Unknown;
        if (paging == HostPaging.Unknown)
            paging = ByEntries(isEpt);
        bool? tdp = _spteChanged ? true : paging == HostPaging.Shadow || _setSpte ? false : null;
        return new HostFindings
        {
            Events = events,
            HasVirtualAddresses = _hasVirtualAddresses,
            IsIntel = _isIntel,
            Paging = paging,
            UsesTdpMmu = tdp,
            PresentByRights = _presentByRights,
            DirectMap = _directMap,
            Kernel = _kernel.ToString(),
            VcpuOfThread = _vms.VcpuOfThread,
            Vms = _vms.Vms,
            EventNames = [.. _names],
            EntriesAreEpt = isEpt,
            HasPlainFaults = _plainFaults,
            ProbedEntries = [.. _entries],
            ProbedReturns = [.. _returns],
            Reasons = [.. _reasons.Values.GroupBy(reason => reason.Ground, reason => reason.Finding).Select(group => $"{string.Join(" and ", group)}: {group.Key}")],
        };
    }

    public override void OnEntry(in TraceLine line, in EntryFields fields)
    {
        Name(line);
        if (fields.Rip is not null)
            _kernel.NotBefore(5, 8);
        _vms.Enter(line, fields.Vcpu);
    }

    public override void OnExit(in TraceLine line, in ExitFields fields)
    {
        Name(line);
        if (fields.InterruptInfo is not null)
            _kernel.NotBefore(5, 10);
        else
            _kernel.OldExit();
        if (fields.Vcpu is { } vcpu)
            _vms.Enter(line, vcpu);
        if (!ExitReasons.TryFind(fields.Reason, out var code) || code.Isa == ExitIsa.Unknown)
            return;
        Vendor(code.Isa == ExitIsa.Vmx, $"exits with reason {fields.Reason}");
        switch (code.Isa, code.Number)
        {
            case (ExitIsa.Vmx, ExitReasons.VmxEptViolation or ExitReasons.VmxEptMisconfig):
                Ept($"exits with reason {fields.Reason}");
                break;
            case (ExitIsa.Svm, ExitReasons.SvmNpf):
                Npt($"exits with reason {fields.Reason}");
                break;
            case (ExitIsa.Svm, ExitReasons.SvmPageFault):
            case (ExitIsa.Vmx, ExitReasons.VmxException) when fields.TellsPageFault():
                PageFaultExit(fields.Reason);
                break;
            default:
                break;
        }
    }

    public override void OnPageFault(in TraceLine line, in PageFaultFields fields)
    {
        Name(line);
        if (fields.Vcpu is not null)
            _kernel.NotBefore(6, 0);
        else
            _kernel.Before(6, 0);
        if ((fields.ErrorCode & NptBits) != 0)
            Npt("kvm_page_fault with bits of an NPF's EXITINFO1");
        else if ((fields.ErrorCode & QualificationBits) != 0 && (fields.ErrorCode & 7) != 0)
            Ept("kvm_page_fault with an exit qualification");
        else if ((fields.ErrorCode & ~PlainErrorBits) == 0)
            _plainFaults = true;
    }

    public override void OnSetSpte(in TraceLine line, in SetSpteFields fields)
    {
        Name(line);
        _setSpte = true;
        Entry(fields.Spte);
        BothAddresses(line.Thread, fields.Sptep);
    }

    public override void OnSpteChanged(in TraceLine line, in SpteChangedFields fields)
    {
        Name(line);
        _spteChanged = true;
        Entry(fields.New);
        Entry(fields.Old);
        Table(fields.New, fields.Level);
        Table(fields.Old, fields.Level);
        if ((fields.Old | fields.New) == FrozenWithoutPresent || fields.New is FrozenWithoutPresent or Frozen)
            _kernel.NotBefore(6, 10);
    }

    public override void OnMarkMmioSpte(in TraceLine line, in MarkMmioSpteFields fields)
    {
        Name(line);
        _hasVirtualAddresses |= fields.Sptep is not null;
    }

    public override void OnFastPageFault(in TraceLine line, in FastPageFaultFields fields)
    {
        Name(line);
        _hasVirtualAddresses |= fields.Sptep is not null;
        if (fields.ErrorCode > uint.MaxValue)
            _kernel.NotBefore(6, 10);
        Entry(fields.New);
    }

    public override void OnProbe(in TraceLine line, in ProbeFields fields)
    {
        if (!fields.IsReturn && (fields.TryGet("sptep"u8, out var address) || fields.TryGet("spt"u8, out address)))
            Virtual(line.Thread, address);
        else if (fields.IsReturn && fields.TryGet("root"u8, out var root))
            BothAddresses(line.Thread, root);
        var function = fields.Function.Text;
        (fields.IsReturn ? _returns : _entries).Add(function);
        _kernel.Function(function);
        if (function.StartsWith("vmx_", StringComparison.Ordinal))
            Vendor(true, $"probes on {function}");
        else if (function.StartsWith("svm_", StringComparison.Ordinal))
            Vendor(false, $"probes on {function}");
    }

    public override void OnOther(in TraceLine line) => Name(line);

    /// <summary>Whatever shows the name of an event more than once comes by here once for each.</summary>
    private void Name(in TraceLine line)
    {
        if (ReferenceEquals(line.Name, _lastName))
            return;
        _lastName = line.Name;
        if (_names.Add(line.Name.Text))
            _kernel.Event(line.Name.Text);
    }

    /// <summary>Where no exit and no error code tells: the form of the entries, and what only one MMU prints.</summary>
    private HostPaging ByEntries(bool? isEpt)
    {
        if (isEpt == true)
        {
            Ept("entries in EPT's form");
            return HostPaging.Ept;
        }

        if (isEpt != false)
            return HostPaging.Unknown;
        if (_spteChanged)
        {
            Npt("entries in x86 format that the TDP MMU changes");
            return HostPaging.Npt;
        }

        if (!_plainFaults)
            return HostPaging.Unknown;
        _reasons.TryAdd("paging", ("shadow paging", "entries in x86 format, and error codes of #PF"));
        return HostPaging.Shadow;
    }

    private void Entry(ulong spte)
    {
        // An entry with rights that is no MMIO entry (W and X without R in EPT format, bit 51 in x86 format).
        if ((spte & 7) is not (0 or 6) && (spte & X86Mmio) == 0 && (spte & MmuPresent) == 0)
            _presentByRights = true;
        if ((spte & 7) is 0 or 6)
            return;
        // EPT: a leaf has its memory type where x86 entries have cache bits and the accessed bit; write-back is PCD and A there.
        if ((spte & EptMemoryType) == EptWriteBack)
            _eptEntries++;
        else if ((spte & 5) == 5 && (spte & X86CacheBits) == 0 && (spte & X86AccessedOrDirty) != 0)
            _x86Entries++;
    }

    /// <summary>An entry that points at a table has all rights, and in x86 format the accessed bit, where EPT has a memory type that tables have not.</summary>
    private void Table(ulong spte, int level)
    {
        if (level == 1 || (spte & (7 | LargePage | MmuPresent)) != (7 | MmuPresent))
            return;
        if ((spte & X86Accessed) != 0)
            _x86Entries++;
        else
            _eptEntries++;
    }

    private void PageFaultExit(string reason)
    {
        _pageFaultExit = true;
        _reasons.TryAdd("paging", ("shadow paging", $"exits with reason {reason} for #PF, and no others for faults"));
    }

    private void Virtual(long pid, ulong address)
    {
        _hasVirtualAddresses = true;
        _lastVirtual[pid] = address;
    }

    /// <summary>What a probe named by its virtual address, the next line names by its physical one.</summary>
    private void BothAddresses(long pid, ulong physical)
    {
        if (_directMap is null && _lastVirtual.TryGetValue(pid, out var address) && address > physical && ((address - physical) & DirectMapAlignment) == 0)
            _directMap = address - physical;
    }

    private void Ept(string reason)
    {
        if (!_ept)
            _reasons["paging"] = ("EPT", reason);
        _ept = true;
        Vendor(true, reason);
    }

    private void Npt(string reason)
    {
        if (!_npt)
            _reasons["paging"] = ("NPT", reason);
        _npt = true;
        Vendor(false, reason);
    }

    private void Vendor(bool isIntel, string reason)
    {
        if (_isIntel is not null)
            return;
        _isIntel = isIntel;
        _reasons["vendor"] = (isIntel ? "Intel" : "AMD", reason);
    }
}

/// <summary>How the host's KVM translates the guest's addresses.</summary>
public enum HostPaging
{
    Unknown = 0,
    Ept = 1,
    Npt = 2,
    Shadow = 3,
}
