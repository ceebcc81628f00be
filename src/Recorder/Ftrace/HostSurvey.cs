using Replay.Trace.Tracepoints;

namespace Replay.Recorder.Ftrace;

/// <summary>Looks at the beginning of a trace for what it tells of the host.</summary>
internal sealed class HostSurvey : TracepointSink
{
    private const uint PageFaultVector = 14;
    private const uint VectorMask = 255;
    private const ulong QualificationBits = 0x180;
    private const ulong NptBits = 3UL << 32;
    private const ulong DirectMapAlignment = (1UL << 30) - 1;
    private const ulong MmuPresent = 1UL << 11;
    private const ulong X86Mmio = 1UL << 51;

    private readonly SortedDictionary<int, int> _threadOfVcpu = [];
    private readonly SortedDictionary<int, int> _vcpuOfThread = [];
    private readonly SortedSet<int> _sharedVcpus = [];
    private readonly SortedSet<string> _entries = new(StringComparer.Ordinal);
    private readonly SortedSet<string> _returns = new(StringComparer.Ordinal);
    private readonly Dictionary<int, ulong> _lastVirtual = [];
    private readonly SortedDictionary<string, string> _reasons = new(StringComparer.Ordinal);
    private bool? _isIntel;
    private bool _ept;
    private bool _npt;
    private bool _pageFaultExit;
    private bool _spteChanged;
    private bool _setSpte;
    private bool _presentByRights;
    private ulong? _directMap;
    private bool _newFault;
    private bool _newExit;
    private bool _oldFault;
    private bool _hasVirtualAddresses;

    /// <param name="events">Events looked at.</param>
    public HostFindings Findings(long events)
    {
        var paging = _ept ? HostPaging.Ept : _npt ? HostPaging.Npt : _pageFaultExit ? HostPaging.Shadow : HostPaging.Unknown;
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
            Kernel = _newFault ? "6.0 or later" : _newExit ? "5.10 to 5.19" : _oldFault ? "before 5.10" : "unknown",
            VcpuOfThread = _vcpuOfThread,
            SharedVcpus = [.. _sharedVcpus],
            ProbedEntries = [.. _entries],
            ProbedReturns = [.. _returns],
            Reasons = [.. _reasons.Values],
        };
    }

    public override void OnEntry(in TraceLine line, in EntryFields fields)
    {
        if (_threadOfVcpu.TryGetValue(fields.Vcpu, out var thread) && thread != line.Pid)
            _sharedVcpus.Add(fields.Vcpu);
        _threadOfVcpu[fields.Vcpu] = line.Pid;
        _vcpuOfThread.TryAdd(line.Pid, fields.Vcpu);
    }

    public override void OnExit(in TraceLine line, in ExitFields fields)
    {
        _newExit |= fields.InterruptInfo is not null;
        switch (fields.Reason)
        {
            case "EPT_VIOLATION" or "EPT_MISCONFIG":
                Ept($"exits with reason {fields.Reason}");
                break;
            case "npf":
                Npt("exits with reason npf");
                break;
            case "PF excp":
                Vendor(false, "exits with reason PF excp");
                PageFaultExit(fields.Reason);
                break;
            case "EXCEPTION_NMI" when (fields.InterruptInfo & VectorMask) == PageFaultVector:
                Vendor(true, "exits with reason EXCEPTION_NMI");
                PageFaultExit(fields.Reason);
                break;
            default:
                // VMX's reasons are written in capitals, SVM's are not.
                if (fields.Reason.Length > 2 && fields.Reason.AsSpan().IndexOfAnyExceptInRange('A', '_') < 0)
                    Vendor(true, $"exits with reason {fields.Reason}");
                else if (fields.Reason.AsSpan().IndexOfAnyInRange('a', 'z') >= 0)
                    Vendor(false, $"exits with reason {fields.Reason}");
                break;
        }
    }

    public override void OnPageFault(in TraceLine line, in PageFaultFields fields)
    {
        _newFault |= fields.Vcpu is not null;
        _oldFault |= fields.Vcpu is null;
        if ((fields.ErrorCode & NptBits) != 0)
            Npt("kvm_page_fault with bits of an NPF's EXITINFO1");
        else if ((fields.ErrorCode & QualificationBits) != 0 && (fields.ErrorCode & 7) != 0)
            Ept("kvm_page_fault with an exit qualification");
    }

    public override void OnSetSpte(in TraceLine line, in SetSpteFields fields)
    {
        _setSpte = true;
        Entry(fields.Spte);
        BothAddresses(line.Pid, fields.Sptep);
    }

    public override void OnSpteChanged(in TraceLine line, in SpteChangedFields fields)
    {
        _spteChanged = true;
        Entry(fields.New);
    }

    public override void OnMarkMmioSpte(in TraceLine line, in MarkMmioSpteFields fields) => _hasVirtualAddresses |= fields.Sptep is not null;

    public override void OnFastPageFault(in TraceLine line, in FastPageFaultFields fields) => _hasVirtualAddresses |= fields.Sptep is not null;

    public override void OnProbe(in TraceLine line, in ProbeFields fields)
    {
        if (!fields.IsReturn && (fields.TryGet("sptep"u8, out var address) || fields.TryGet("spt"u8, out address)))
            Virtual(line.Pid, address);
        else if (fields.IsReturn && fields.TryGet("root"u8, out var root))
            BothAddresses(line.Pid, root);
        var function = fields.Function.Text;
        (fields.IsReturn ? _returns : _entries).Add(function);
        if (function.StartsWith("vmx_", StringComparison.Ordinal))
            Vendor(true, $"probes on {function}");
        else if (function.StartsWith("svm_", StringComparison.Ordinal))
            Vendor(false, $"probes on {function}");
    }

    public override void OnOther(in TraceLine line)
    {
    }

    private void Entry(ulong spte)
    {
        // An entry with rights that is no MMIO entry (W and X without R in EPT format, bit 51 in x86 format).
        if ((spte & 7) is not (0 or 6) && (spte & X86Mmio) == 0 && (spte & MmuPresent) == 0)
            _presentByRights = true;
    }

    private void PageFaultExit(string reason)
    {
        _pageFaultExit = true;
        _reasons.TryAdd("paging", $"shadow paging: exits with reason {reason} for #PF, and no others for faults");
    }

    private void Virtual(int pid, ulong address)
    {
        _hasVirtualAddresses = true;
        _lastVirtual[pid] = address;
    }

    /// <summary>What a probe named by its virtual address, the next line names by its physical one.</summary>
    private void BothAddresses(int pid, ulong physical)
    {
        if (_directMap is null && _lastVirtual.TryGetValue(pid, out var address) && address > physical && ((address - physical) & DirectMapAlignment) == 0)
            _directMap = address - physical;
    }

    private void Ept(string reason)
    {
        if (!_ept)
            _reasons["paging"] = $"EPT: {reason}";
        _ept = true;
        Vendor(true, reason);
    }

    private void Npt(string reason)
    {
        if (!_npt)
            _reasons["paging"] = $"NPT: {reason}";
        _npt = true;
        Vendor(false, reason);
    }

    private void Vendor(bool isIntel, string reason)
    {
        if (_isIntel is not null)
            return;
        _isIntel = isIntel;
        _reasons["vendor"] = $"{(isIntel ? "Intel" : "AMD")}: {reason}";
    }
}
