using System.Globalization;

namespace Replay.Analyzer.Conformance;

/// <summary>
/// Reads the flushes of a real KVM: its requests to all vCPUs (<c>kvm_flush_remote_tlbs</c>, with the range where the kernel makes a call
/// of it) and those of a vCPU's own TLB.
/// </summary>
/// <remarks>
/// Seven rules, for what is shown and flushes nothing, or is done and not shown. <em>No root</em>: vmx_flush_tlb_current() without a root
/// returns at once. <em>ASID</em>: only AMD recordings of later kernels show svm_flush_tlb_asid(), which flushes the guest's own
/// translations, and stands in svm_set_cr4() for svm_flush_tlb_current(), which the compiler has put there; elsewhere these are left out.
/// <em>Yield</em>: an unmap that gives the CPU away flushes the part that is done, wherever the host's scheduler has it so; the last
/// flush counts. <em>Notifier</em>: the host may tell of one range in pieces, so that flushes of unmaps with nothing of the guest between
/// them count as one, on both sides. <em>Turns</em>: of several vCPUs, the flush that a vCPU makes of all it has
/// because another asked is left out: one that waits for its turn may enter, and flush, more than once. <em>Memslot</em>: the flush of a whole memslot names its range to a function that the compiler has put into it.
/// <em>File</em>: so do 6.1's other flushes of a range in mmu.c, where that function stands; tdp_mmu.c calls it.
/// </remarks>
internal sealed class ObservedFlushes(List<ConformanceItem> flushes)
{
    public const string Remote = "flush remote";
    public const string Current = "flush current";
    public const string All = "flush all";
    public const string Asid = "flush asid";

    private bool _hasRoot;
    private bool _isInsideFlush;
    private bool _isUnmapping;
    private ConformanceItem? _pending;

    /// <summary>The recording shows flushes of an ASID that no other flush calls.</summary>
    public bool ShowsAsidFlushes { get; private set; }

    /// <summary>Takes a line that tells of a flush, or of what decides whether there is one.</summary>
    public void Add(string name, string rest, int line)
    {
        var isInsideFlush = _isInsideFlush;
        _isInsideFlush = false;
        switch (name)
        {
            case "k:unmap_gfn_range":
                _isUnmapping = true;
                break;
            case "kvm_exit" or "kvm_page_fault" or "tracing_mark_write":
                Finish();
                break;
            case "k:flush_remote_tlbs" when _isUnmapping:
                _pending = new ConformanceItem(Remote, line);
                break;
            case "k:flush_range" when _isUnmapping:
                break;
            case "k:flush_remote_tlbs":
                Flush(Remote, line);
                break;
            case "k:flush_range":
                Flush($"flush range {rest.TrimEnd()}", line);
                break;
            case "k:svm_flush_tlb_current":
                Flush(Current, line);
                _isInsideFlush = true;
                break;
            case "k:svm_flush_tlb_all":
                Flush(All, line);
                _isInsideFlush = true;
                break;
            case "k:vmx_flush_tlb_current" when _hasRoot:
                Flush(Current, line);
                break;
            case "k:vmx_flush_tlb_all":
                Flush(All, line);
                break;
            case "k:svm_flush_tlb_gva" or "k:vmx_flush_tlb_gva":
                Flush($"flush {FirstWord(rest)}", line);
                break;
            case "k:svm_flush_tlb_asid":
                ShowsAsidFlushes = true;
                if (!isInsideFlush)
                    Flush(Asid, line);
                break;
            case "k:svm_load_mmu_pgd" or "k:vmx_load_mmu_pgd":
                _hasRoot = true;
                break;
            case "k:kvm_mmu_free_roots" when (Mask(rest) & 1) != 0:
                _hasRoot = false;
                break;
            default:
                break;
        }
    }

    /// <summary>Unmaps are over: of their flushes the last is the one that they owe.</summary>
    public void Finish()
    {
        _isUnmapping = false;
        if (_pending is { } flush)
            flushes.Add(flush);
        _pending = null;
    }

    private void Flush(string text, int line)
    {
        Finish();
        flushes.Add(new ConformanceItem(text, line));
    }

    /// <summary>The address; recordings of nested guests name the MMU behind it.</summary>
    private static string FirstWord(string rest) => rest.TrimStart().Split(' ', 2)[0].TrimEnd();

    private static ulong Mask(string rest)
    {
        var at = rest.IndexOf("mask=", StringComparison.Ordinal);
        var end = at < 0 ? at : rest.IndexOf(' ', at);
        return at >= 0 && ulong.TryParse(rest.AsSpan(at + 5, (end < 0 ? rest.TrimEnd().Length : end) - at - 5), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var mask) ? mask : 0;
    }
}
