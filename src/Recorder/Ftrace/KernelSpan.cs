using System.Globalization;

namespace Replay.Recorder.Ftrace;

/// <summary>Between which kernels a trace was recorded: by events and forms that came with one, or went with another.</summary>
internal sealed class KernelSpan
{
    private (int Major, int Minor) _first;
    private (int Major, int Minor) _behind = (int.MaxValue, 0);
    private bool _oldExits;

    public void NotBefore(int major, int minor) => _first = (major, minor).CompareTo(_first) > 0 ? (major, minor) : _first;

    public void Before(int major, int minor) => _behind = (major, minor).CompareTo(_behind) < 0 ? (major, minor) : _behind;

    /// <summary>Exits in the form of kernels before 5.10, which trace-cmd's plugin gives those of all kernels.</summary>
    public void OldExit() => _oldExits = true;

    public void Event(string name)
    {
        switch (name)
        {
            case "kvm_mmu_spte_requested":
                NotBefore(5, 3);
                break;
            case "kvm_mmu_zap_all_fast":
                NotBefore(5, 4);
                break;
            case "kvm_tdp_mmu_spte_changed":
                NotBefore(5, 12);
                break;
            case "kvm_mmu_split_huge_page":
                NotBefore(5, 18);
                break;
            case "kvm_nested_vmenter":
                NotBefore(6, 0);
                break;
            case "kvm_set_spte_hva":
                Before(6, 10);
                break;
            case "kvm_nested_vmrun":
                Before(6, 0);
                break;
            default:
                break;
        }
    }

    /// <summary>Functions that are probed.</summary>
    public void Function(string name)
    {
        switch (name)
        {
            case "kvm_tdp_mmu_get_vcpu_root_hpa":
                Before(6, 9);
                break;
            case "kvm_tdp_mmu_alloc_root":
                NotBefore(6, 9);
                break;
            default:
                break;
        }
    }

    public override string ToString()
    {
        var behind = _oldExits && _first.CompareTo((5, 10)) < 0 && _behind.CompareTo((5, 10)) > 0 ? (5, 10) : _behind;
        var isBounded = behind.Item1 != int.MaxValue && behind.CompareTo(_first) > 0;
        if (_first == default)
            return isBounded ? $"before {Name(behind)}" : "unknown";
        return isBounded ? $"{Name(_first)} to {Name(Previous(behind))}" : $"{Name(_first)} or later";
    }

    private static (int Major, int Minor) Previous((int Major, int Minor) version) => version switch
    {
        (6, 0) => (5, 19),
        (5, 0) => (4, 20),
        _ => (version.Major, version.Minor - 1),
    };

    private static string Name((int Major, int Minor) version) => string.Create(CultureInfo.InvariantCulture, $"{version.Major}.{version.Minor}");
}
