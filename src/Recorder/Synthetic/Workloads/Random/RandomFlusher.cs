using Replay.Recorder.Synthetic.Machine;
using Replay.Trace;

namespace Replay.Recorder.Synthetic.Workloads;

/// <summary>
/// Collects the changes that old translations may outlive and drops those translations, in one of the ways that suffice: INVLPG for
/// each address where last-level entries changed, otherwise everything.
/// </summary>
internal sealed class RandomFlusher
{
    private const int MostAddresses = 12;

    private readonly WorkloadContext _context;
    private readonly RandomWindow _window;
    private readonly IReadOnlyList<AddressSpace> _spaces;
    private readonly bool _usesGlobal;
    private readonly List<Gpa> _entries = [];
    private bool _needsAll;

    public RandomFlusher(WorkloadContext context, RandomWindow window, IReadOnlyList<AddressSpace> spaces, bool usesGlobal)
    {
        _context = context;
        _window = window;
        _spaces = spaces;
        _usesGlobal = usesGlobal;
    }

    public bool IsNeeded => _needsAll || _entries.Count > 0;

    private GuestKernel Kernel => _context.Kernel;

    private SeededRandom Random => _context.Random;

    /// <summary>A present entry has changed (or a PDPTE, which the CPU reads only with CR3).</summary>
    public void NoteChange(Gpa entry, int use)
    {
        if (use == 1)
            _entries.Add(entry);
        else
            _needsAll = true;
    }

    /// <summary>Drops, on every vCPU, what the changes made wrong.</summary>
    public void Flush(Vcpu vcpu)
    {
        if (!IsNeeded)
            return;
        // PDPTEs must be loaded whatever the TLB holds, or program and tables part for good.
        var mayLeaveOut = _context.Knobs.Flag("stale") && Kernel.Format.Mode != SyntheticPaging.Pae;
        if (!(mayLeaveOut && Random.Percent(30)) && !TryFlushPages(vcpu))
            FlushAll(vcpu);
        _entries.Clear();
        _needsAll = false;
    }

    /// <summary>Drops every translation of every space on every vCPU.</summary>
    public void FlushAll(Vcpu vcpu)
    {
        foreach (var space in _spaces)
        {
            foreach (var target in _context.Machine.Vcpus)
                space.StaleOn |= 1u << target.Index;
        }
        Kernel.Tlb.OnEveryVcpu(vcpu, FlushAllOn);
    }

    private void FlushAllOn(Vcpu vcpu)
    {
        var keepsGlobal = !_usesGlobal && Random.Percent(60);
        if (keepsGlobal || Kernel.Format.Mode == SyntheticPaging.Pae)
            Kernel.Tlb.Load(vcpu, Kernel.Tlb.Loaded(vcpu)!);
        if (keepsGlobal)
            return;
        if (Kernel.Format.IsLong && Random.Percent(40))
            _context.Machine.Invpcid(vcpu, 2, 0, 0);
        else
            Kernel.Tlb.FlushAll(vcpu);
    }

    // Global translations of spaces that are not loaded would survive this, so it is only for guests without.
    private bool TryFlushPages(Vcpu vcpu)
    {
        if (_needsAll || _usesGlobal || Random.Percent(20))
            return false;
        var plan = new List<ulong>[_context.Machine.Vcpus.Count];
        foreach (var target in _context.Machine.Vcpus)
        {
            if (Addresses(Kernel.Tlb.Loaded(target)!) is not { } addresses)
                return false;
            plan[target.Index] = addresses;
        }
        foreach (var space in _spaces)
        {
            foreach (var target in _context.Machine.Vcpus)
                space.StaleOn |= 1u << target.Index;
        }
        Kernel.Tlb.OnEveryVcpu(vcpu, target =>
        {
            foreach (var gva in plan[target.Index])
                _context.Machine.Invlpg(target, gva);
        });
        return true;
    }

    private List<ulong>? Addresses(AddressSpace space)
    {
        var all = new List<ulong>();
        foreach (var entry in _entries)
        {
            var index = entry.PageOffset / Kernel.Format.EntryBytes;
            var some = _window.AddressesOf(_context.Machine.Memory, space, entry.Value & ~0xfffUL, index, MostAddresses);
            if (some is null)
                return null;
            all.AddRange(some);
        }
        return all;
    }
}
