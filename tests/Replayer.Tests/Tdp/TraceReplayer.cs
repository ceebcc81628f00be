using System.Globalization;
using System.IO.Compression;
using System.Text.RegularExpressions;
using Replay.Replayer.Guest;
using Replay.Replayer.History;
using Replay.Replayer.Kvm;
using Replay.Replayer.Kvm.Host;
using Replay.Replayer.Kvm.Mmu;
using Replay.Trace;

namespace Replay.Replayer.Tests.Tdp;

/// <summary>
/// Gives the TDP MMU what a real kernel's TDP MMU was given, fault by fault and event by event, out of the kernel's own normalised
/// trace, and compares what it does with the rest of the trace. The CPU is not modelled: that a page was written is taken from the
/// trace's log of dirty pages.
/// </summary>
internal sealed partial class TraceReplayer
{
    private readonly NormalisedLog _log;
    private readonly KvmVm _vm;
    private readonly KvmVcpu _vcpu;
    private readonly List<string> _expected = [];
    private readonly bool _logDirty;
    private PageRole _rootRole;
    private bool _inFault;

    public TraceReplayer(HostProfile profile, HostBacking backing, bool logDirty)
    {
        _logDirty = logDirty;
        _log = new NormalisedLog { HideReadOnlyFrames = !backing.Populated };
        var mode = profile.Vendor == CpuVendor.Amd ? MmuMode.NptTdp : MmuMode.EptTdp;
        _vm = new KvmVm(new Journal(_log), new GuestMemory(), mode, profile, KvmBehaviour.Linux61, backing);
        _log.HiddenBits = _vm.Format.AccessedMask;
        SetSlot(present: true);
        _vm.HostEvents.Populate(0x10_0000, 0x1000);
        _vcpu = _vm.CreateVcpu(new ControlRegisters());
    }

    /// <summary>Lines compared so far.</summary>
    public int Matched { get; private set; }

    public static IEnumerable<string> ReadLines(string file)
    {
        using var reader = new StreamReader(new GZipStream(File.OpenRead(file), CompressionMode.Decompress));
        while (reader.ReadLine() is { } line)
            yield return line;
    }

    /// <summary>Runs the whole trace; the first difference ends the test.</summary>
    public void Run(IEnumerable<string> trace)
    {
        var lines = trace.ToList();
        for (var i = 0; i < lines.Count; i++)
        {
            if (Expectation(lines[i]) is { } expected)
                _expected.Add(expected);
            else
                Act(lines, i);
        }

        Compare(lines.Count);
    }

    private void Act(List<string> lines, int at)
    {
        var line = lines[at];
        var word = line.Split(' ', 2)[0];
        switch (word)
        {
            case "tracing_mark_write":
                Mark(line[(word.Length + 1)..], at);
                break;
            case "k:tdp_get_root":
                Compare(at);
                if (InitPattern().Match(lines[at + 1]) is { Success: true } init)
                    _rootRole = new PageRole(uint.Parse(init.Groups[3].Value, NumberStyles.HexNumber, CultureInfo.InvariantCulture));
                _vcpu.Mmu.Root = new MmuRoot(_vm.TdpMmu.GetVcpuRoot(_rootRole), 0);
                break;
            case "k:mmu_free_root_page" when !line.EndsWith("=none", StringComparison.Ordinal):
                Compare(at);
                _vm.TdpMmu.PutRoot(_vcpu.Mmu.Root.ShadowPage!);
                break;
            case "k:kvm_tdp_page_fault":
                Compare(at);
                _inFault = true;
                Fault(lines, at);
                break;
            case "k:kvm_tdp_page_fault_ret":
                _inFault = false;
                break;
            case "kvm_unmap_hva_range" when !_inFault:
                Compare(at);
                Invalidate(line);
                break;
            case "k:mark_page_dirty" when !_inFault:
                Dirty(Hex(line, "gfn"));
                break;
            default:
                break;
        }
    }

    private void Mark(string mark, int at)
    {
        // The kernel's part of a dirty log call comes before its mark, of all others behind.
        if (mark.StartsWith("vmm get_dirty_log", StringComparison.Ordinal))
            _vm.HostEvents.DirtyLogGet(0);
        Compare(at);
        switch (mark.Trim())
        {
            case "vmm delete_slot":
                SetSlot(present: false);
                break;
            case "vmm add_slot":
                SetSlot(present: true);
                break;
            case "vmm teardown":
                _vm.TdpMmu.ZapAll();
                break;
            default:
                break;
        }
    }

    private void SetSlot(bool present) => Assert.Equal(
        MemslotResult.Done,
        _vm.HostEvents.Memslot(new MemslotChange { Slot = 0, Gpa = 0, Size = present ? 64UL << 20 : 0, LogDirty = _logDirty }));

    private void Fault(List<string> lines, int at)
    {
        var address = Hex(lines[at], "addr");
        _vcpu.Fault.Begin(address, (uint)Hex(lines[at], "err"), KvmFunction.KvmTdpPageFault, _vm.Profile.NxHugePages);
        var outcome = _vm.ShadowMmu.DirectFaults.TdpPageFault(_vcpu);
        var end = lines.FindIndex(at, line => line.StartsWith("k:kvm_tdp_page_fault_ret", StringComparison.Ordinal));
        var expected = (RetPf)int.Parse(lines[end].Split('=')[1], CultureInfo.InvariantCulture);
        Assert.True(expected == outcome, $"line {at}: {lines[at]}: the kernel says {expected}, the model {outcome}");
    }

    /// <summary>The CPU logged the page: it had set the D bit.</summary>
    private void Dirty(ulong gfn)
    {
        _vm.Memslots.Find(gfn)?.MarkDirty(gfn);
        var entry = _vm.TdpMmu.GetLastSptep(_vcpu.Mmu.Root.ShadowPage!, gfn);
        _vm.Writer.SetByHardware(entry.Page, entry.Index, _vm.Format.DirtyMask, gfn);
    }

    private void Invalidate(string line)
    {
        var range = RangePattern().Match(line);
        var start = ulong.Parse(range.Groups[1].Value, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
        var end = ulong.Parse(range.Groups[2].Value, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
        _vm.HostEvents.Invalidate(start, end - start);
    }

    private void Compare(int lineNumber)
    {
        var actual = _log.Take().Where(line => !line.StartsWith('(')).ToList();
        for (var i = 0; i < Math.Max(actual.Count, _expected.Count); i++)
        {
            var kernel = i < _expected.Count ? _expected[i] : "(nothing)";
            var model = i < actual.Count ? actual[i] : "(nothing)";
            Assert.True(kernel == model, $"before line {lineNumber}, operation {Matched + i}:\nkernel: {kernel}\nmodel:  {model}");
        }

        Matched += actual.Count;
        _expected.Clear();
    }

    /// <summary>What the line says that the kernel did, in the words of <see cref="NormalisedLog"/>; null if it tells something else.</summary>
    private string? Expectation(string line)
    {
        if (ChangedPattern().Match(line) is { Success: true } changed)
            return $"gfn={changed.Groups[1].Value} level={changed.Groups[2].Value} old={Entry(changed.Groups[3].Value)} new={Entry(changed.Groups[4].Value)}";
        if (InitPattern().Match(line) is { Success: true } init)
            return $"create {init.Groups[1].Value} gfn={init.Groups[2].Value} role={init.Groups[3].Value}";
        if (ZapPattern().Match(line) is { Success: true } zap)
            return $"zap gfn={zap.Groups[1].Value} l{zap.Groups[2].Value} root {zap.Groups[3].Value}";
        if (FastPattern().Match(line) is { Success: true } fast)
            return $"fast {fast.Groups[1].Value} old={Entry(fast.Groups[2].Value)} new={Entry(fast.Groups[3].Value)}";
        return line.StartsWith("k:flush_remote_tlbs", StringComparison.Ordinal) ? "flush" : null;
    }

    private string Entry(string text)
    {
        var match = FlagsPattern().Match(text);
        if (!match.Success)
            return text;
        var flags = ulong.Parse(match.Groups[2].Value, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
        return _log.Leaf(match.Groups[1].Value, flags);
    }

    private static ulong Hex(string line, string name) =>
        ulong.Parse(Regex.Match(line, name + "=([0-9a-f]+)").Groups[1].Value, NumberStyles.HexNumber, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"^kvm_tdp_mmu_spte_changed as=0 gfn=(\w+) level=(\d) old=(.*?) new=(.*)$")]
    private static partial Regex ChangedPattern();

    [GeneratedRegex(@"^tdp_init_sp (S\d+) gfn=(\w+) role=(\w+)\(")]
    private static partial Regex InitPattern();

    [GeneratedRegex(@"^kvm_mmu_prepare_zap_page sp gen 0 gfn (\w+) l(\d) .* root (\d+) sync")]
    private static partial Regex ZapPattern();

    [GeneratedRegex(@"^fast_page_fault .*at (\S+) old=(.*?) new=(.*?) spurious 0 fixed 1")]
    private static partial Regex FastPattern();

    [GeneratedRegex(@"^(\S+) fl=(\w+)$")]
    private static partial Regex FlagsPattern();

    [GeneratedRegex(@"gpa (\w+) -- (\w+)")]
    private static partial Regex RangePattern();
}
