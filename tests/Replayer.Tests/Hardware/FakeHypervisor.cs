using Replay.Replayer.Guest;
using Replay.Replayer.Hardware;
using Replay.Replayer.History;
using Replay.Replayer.Kvm;
using Replay.Replayer.Kvm.Mmu;
using Replay.Replayer.Tests.Guest;
using Replay.Trace;

namespace Replay.Replayer.Tests.Hardware;

/// <summary>
/// The least hypervisor there can be: fills its tables at each violation with whatever mapping it was told to use, by the same rule
/// for every page: gpa + <see cref="HostOffset"/>. Written without KVM's code, so that the hardware can be tested alone.
/// </summary>
internal sealed class FakeHypervisor : IHypervisor
{
    public const ulong HostOffset = 0x1_0000_0000;
    public const ulong EptRights = 7;
    public const ulong EptWriteBack = 6UL << 3;
    public const ulong X86Rights = 7;
    public const ulong Large = 1UL << 7;

    private readonly FakeMachine _machine;

    public FakeHypervisor(FakeMachine machine)
    {
        _machine = machine;
        NewRoot();
    }

    public List<VmExit> Exits { get; } = [];

    public int Entries { get; private set; }

    public Intercepts Intercepts { get; set; }

    public ulong Cr0InterceptMask { get; set; }

    public ulong Cr4InterceptMask { get; set; }

    public HardwareRoot Root { get; private set; }

    public long FlushEpoch { get; private set; }

    public PmlBuffer? Pml { get; set; }

    public uint InjectedErrorCode { get; private set; }

    /// <summary>Level at which pages are mapped.</summary>
    public int MapLevel { get; set; } = 1;

    /// <summary>Pages that are devices.</summary>
    public Predicate<ulong> IsDevice { get; set; } = _ => false;

    /// <summary>Answers an exit in place of the usual handling; null: handle as usual.</summary>
    public Func<VmExit, ExitResult?> OnExit { get; set; } = _ => null;

    /// <summary>Bits of a leaf besides its frame.</summary>
    public Func<ulong, ulong>? LeafBits { get; set; }

    /// <summary>What to do at the next VM entry, once.</summary>
    public Action? AtNextEntry { get; set; }

    public bool IsGuestMode => false;

    public bool IsNested => false;

    public (ulong Code, ulong Info1, ulong Info2) LastNestedExit => default;

    public bool CanRunNested(NestedEntry entry) => false;

    public void Vmrun(ulong vmcb, NestedEntry entry) => throw new NotSupportedException();

    public void ReenterNested() => throw new NotSupportedException();

    public void EnterGuest()
    {
        Entries++;
        var action = AtNextEntry;
        AtNextEntry = null;
        action?.Invoke();
    }

    public ExitResult HandleExit(in VmExit exit)
    {
        Exits.Add(exit);
        if (OnExit(exit) is { } answer)
            return answer;
        switch (exit.Reason)
        {
            case ExitReason.EptViolation or ExitReason.Npf:
                if (IsDevice(exit.Info2 & ~0xfffUL))
                    return ExitResult.Emulated;
                Map(exit.Info2, MapLevel);
                return ExitResult.Retry;
            case ExitReason.EptMisconfig:
                return ExitResult.Emulated;
            case ExitReason.PmlFull:
                Pml!.Clear();
                return ExitResult.Retry;
            case ExitReason.PageFault:
                return ShadowFault(exit);
            case ExitReason.Cr0Write:
                _machine.Registers.Cr0 = exit.Info2;
                return ExitResult.Emulated;
            case ExitReason.Cr3Write:
                _machine.Registers.Cr3 = exit.Info2 & ~ControlBits.Cr3NoFlush;
                NewRoot();
                return ExitResult.Emulated;
            case ExitReason.Cr4Write:
                _machine.Registers.Cr4 = exit.Info2;
                return ExitResult.Emulated;
            case ExitReason.EferWrite:
                _machine.Registers.Efer = exit.Info2;
                return ExitResult.Emulated;
            default:
                return ExitResult.Emulated;
        }
    }

    public bool TryGetHostAddress(ulong gpa, out ulong hpa)
    {
        hpa = gpa + HostOffset;
        return !IsDevice(gpa & ~0xfffUL);
    }

    /// <summary>Starts again with empty tables.</summary>
    public void NewRoot(int level = 4)
    {
        var page = NewTable(0, level);
        var ept = _machine.Mode.UsesEptFormat();
        Root = new HardwareRoot(page, level, page.Pfn << 12 | (ept ? (_machine.Profile.EptAdBits ? 0x5eUL : 0x1eUL) : 0));
        FlushEpoch++;
    }

    /// <summary>Maps an address of the tables' input (gpa, or gva with shadow tables) at a level.</summary>
    public void Map(ulong address, int level, ulong? leaf = null)
    {
        var page = Root.Table!;
        for (var at = Root.Level; at > level; at--)
        {
            var index = Index(address, at);
            var entry = page[index];
            if (entry.Raw == 0)
            {
                var child = NewTable(address >> 12 & ~((1UL << (9 * (at - 1))) - 1), at - 1);
                entry = new Spte(child.Pfn << 12 | NonLeafBits(at));
                Write(page, index, entry.Raw, address, at);
            }

            page = _machine.Pages.At(entry.Pfn)!;
        }

        Write(page, Index(address, level), leaf ?? Leaf(address, level), address, level);
    }

    /// <summary>The entry that translates an address at a level; null where a table above is missing.</summary>
    public Spte? EntryAt(ulong address, int level) => Find(address, level) is { } page ? page[Index(address, level)] : null;

    /// <summary>Overwrites an entry as KVM would.</summary>
    public void Overwrite(ulong address, int level, ulong value)
    {
        if (Find(address, level) is { } page)
            Write(page, Index(address, level), value, address, level);
    }

    private static int Index(ulong address, int level) => (int)(address >> (12 + (9 * (level - 1))) & 511);

    private TablePage? Find(ulong address, int level)
    {
        var page = Root.Table!;
        for (var at = Root.Level; at > level; at--)
        {
            var entry = page[Index(address, at)];
            if (entry.Raw == 0 || (at <= 3 && (entry.Raw & Large) != 0))
                return null;
            page = _machine.Pages.At(entry.Pfn)!;
        }

        return page;
    }

    private ulong NonLeafBits(int level) => _machine.Mode.UsesEptFormat() ? EptRights : Root.Level == 3 && level == 3 ? 1 : X86Rights;

    private ulong Leaf(ulong gpa, int level)
    {
        var size = 1UL << (12 + (9 * (level - 1)));
        var frame = (gpa & ~(size - 1)) + HostOffset;
        var bits = LeafBits?.Invoke(gpa & ~0xfffUL) ?? (_machine.Mode.UsesEptFormat() ? EptRights | EptWriteBack : X86Rights);
        return frame | bits | (level > 1 ? Large : 0);
    }

    /// <summary>Walks the guest's tables and maps what it finds; injects #PF where it finds nothing.</summary>
    private ExitResult ShadowFault(in VmExit exit)
    {
        var tables = new FlatTables(_machine.Memory, []);
        var result = default(WalkResult);
        var access = new GuestAccess(exit.Gva, exit.Access, exit.Flags);
        var rules = PagingRules.ForGuest(_machine.Registers, _machine.Profile.GuestPhysicalAddressBits);
        if (CpuGuestWalker.Walk(ref tables, rules, _machine.Registers, access, ref result) != WalkStatus.Mapped)
        {
            InjectedErrorCode = (uint)result.ErrorCode;
            _machine.Registers.Cr2 = exit.Gva;
            _machine.Journal.GuestFault(exit.Gva, InjectedErrorCode);
            return ExitResult.GuestFault;
        }

        if (IsDevice(result.Address & ~0xfffUL))
            return ExitResult.Emulated;
        var rights = 1 | (result.Rights.Writable && exit.Access == AccessKind.Write ? 2UL : 0) | (result.Rights.User ? 4UL : 0)
            | (result.Rights.Executable ? 0 : 1UL << 63);
        Map(exit.Gva, 1, (result.Address & ~0xfffUL) + HostOffset | rights);
        return ExitResult.Retry;
    }

    private ShadowPage NewTable(ulong gfn, int level) => _machine.Pages.Allocate(gfn, new PageRole((uint)level).WithDirect(true), 0, false);

    private void Write(TablePage page, int index, ulong value, ulong address, int level) =>
        _machine.Writer.Write(page, index, new Spte(value), address >> 12 & ~((1UL << (9 * (level - 1))) - 1));
}
