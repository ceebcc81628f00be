using CsCheck;
using Replay.Replayer.Guest;
using Replay.Trace;
using static Replay.Replayer.Tests.Guest.GuestTableBuilder;

namespace Replay.Replayer.Tests.Hardware;

/// <summary>
/// Random guests that edit their tables, random hosts that take mappings away: the history is the same when the CPU remembers walks, whole ones and
/// parts of them, as when it does not, and each translation is what a walk of the guest's tables, written for this test alone, says.
/// </summary>
public sealed class TlbInvisibilityTests
{
    private const int Pages = 8;
    private const ulong FirstPage = 0x7f00_0000_0000;
    private const ulong SecondRoot = 0x81_0000;
    private const ulong SecondPageTable = 0x80_0000;
    private const ulong FirstFrame = 0x40_0000;

    private static readonly Gen<(int Kind, int Page, int Detail)> Step = Gen.Select(Gen.Int[0, 23], Gen.Int[0, Pages - 1], Gen.Int[0, 1023]);

    [Theory]
    [InlineData(MmuMode.Ept)]
    [InlineData(MmuMode.Npt)]
    [InlineData(MmuMode.Shadow)]
    public void The_TLB_changes_nothing(MmuMode mode) =>
        Step.Array[1, 400].Sample(
            steps =>
            {
                var with = Replay(mode, steps, useTlb: true);
                var without = Replay(mode, steps, useTlb: false);
                Assert.Equal(without, with);
                Assert.Contains("differing 0,", with, StringComparison.Ordinal);
            },
            iter: 300);

    private static string Replay(MmuMode mode, (int Kind, int Page, int Detail)[] steps, bool useTlb)
    {
        var machine = new FakeMachine(mode, PagingMode.Level4, useTlb: useTlb);
        for (var page = 0; page < Pages; page++)
            machine.Guest.Map(Gva(page), Frame(page) | P | W | U);
        foreach (var table in (ulong[])[SecondRoot, SecondRoot + 0x1000, SecondRoot + 0x2000, SecondPageTable])
            machine.Memory.SetPage(table >> 12, []);
        machine.Memory.Store(SecondRoot + (FirstPage >> 39 << 3), (SecondRoot + 0x1000) | P | W | U, 8);
        machine.Memory.Store(SecondRoot + 0x1000, (SecondRoot + 0x2000) | P | W | U, 8);
        machine.Memory.Store(SecondRoot + 0x2000, SecondPageTable | P | W | U, 8);
        foreach (var (kind, page, detail) in steps)
            Apply(machine, kind, page, detail);
        machine.RunQueue();
        return $"{machine.Journal.Hash}, exits {machine.Hypervisor.Exits.Count}, notes {string.Join(' ', machine.Journal.NoteCounts.ToArray())}, "
            + $"differing {machine.Verify.Differing}, checked {machine.Verify.Checked}, "
            + $"walks {string.Join(' ', machine.Walks.All)}, "
            + $"accesses {string.Join(' ', machine.History.Accesses.Select(access => access.Ordinal))}, "
            + $"guest entries {string.Join(' ', Enumerable.Range(0, Pages).Select(page => machine.Guest.Entry(Gva(page)).ToString("x")))}";
    }

    private static void Apply(FakeMachine machine, int kind, int page, int detail)
    {
        if (kind < 14)
        {
            Touch(machine, page, (AccessKind)(detail % 3), (AccessFlags)(detail / 3 % 4));
            return;
        }

        machine.NextEvent();
        switch (kind)
        {
            case 14:
                EditTable(machine, page, detail);
                break;
            case 15:
                machine.Hypervisor.Overwrite(TableInput(machine, page), 1, 0);
                break;
            case 16:
                ClearAccessedAndDirty(machine, page);
                break;
            case 17:
                machine.Cpu.Instructions.WriteCr0(machine.Registers.Cr0 ^ ControlBits.Cr0Wp);
                FlushShadow(machine);
                break;
            case 18:
                machine.Cpu.Instructions.WriteCr4(machine.Registers.Cr4 ^ (detail % 2 == 0 ? ControlBits.Cr4Smap : ControlBits.Cr4Smep));
                FlushShadow(machine);
                break;
            case 19:
                EditDirectory(machine, detail);
                break;
            case 20:
                ClearAccessed(machine, page, detail);
                break;
            case 21:
                machine.Hypervisor.Overwrite(TableInput(machine, page), 2 + (detail % 2), 0);
                break;
            case 22:
                machine.Hypervisor.NewRoot();
                break;
            default:
                machine.Cpu.Instructions.WriteCr3(detail % 2 == 0 ? machine.Guest.Root : SecondRoot);
                FlushShadow(machine);
                break;
        }
    }

    /// <summary>An access where this test's own walk allows it, a recorded fault where it does not.</summary>
    private static void Touch(FakeMachine machine, int page, AccessKind kind, AccessFlags flags)
    {
        if (NaiveWalk(machine, page, kind, flags) is { } gpa)
        {
            machine.Queue(Gva(page) + 8, gpa + 8, kind, flags);
            return;
        }

        machine.NextEvent();
        var code = (uint)((kind == AccessKind.Write ? 2 : kind == AccessKind.Fetch ? 16 : 0) | (flags.HasFlag(AccessFlags.User) ? 4 : 0));
        machine.Cpu.Fault(Gva(page) + 8, code, flags);
    }

    private static ulong? NaiveWalk(FakeMachine machine, int page, AccessKind kind, AccessFlags flags)
    {
        var table = machine.Registers.Cr3 == SecondRoot ? SecondPageTable : machine.Guest.Entry(FirstPage, 2) & PteBits.Frame;
        Assert.True(machine.Memory.TryRead64(table + ((ulong)page * 8), out var entry));
        var userPage = (entry & U) != 0;
        var user = flags.HasFlag(AccessFlags.User);
        var cr4 = machine.Registers.Cr4;
        if ((entry & P) == 0 || (user && !userPage))
            return null;
        if (!user && userPage && kind == AccessKind.Fetch && (cr4 & ControlBits.Cr4Smep) != 0)
            return null;
        if (!user && userPage && kind != AccessKind.Fetch && (cr4 & ControlBits.Cr4Smap) != 0 && !flags.HasFlag(AccessFlags.AlignmentCheck))
            return null;
        if (kind == AccessKind.Fetch && (entry & NX) != 0)
            return null;
        var writeProtected = (entry & W) == 0 && (user || (machine.Registers.Cr0 & ControlBits.Cr0Wp) != 0 || machine.Mode == MmuMode.Shadow);
        return kind == AccessKind.Write && writeProtected ? null : entry & PteBits.Frame;
    }

    private static void EditTable(FakeMachine machine, int page, int detail)
    {
        var entry = (detail & 1) != 0 ? P : 0;
        entry |= (detail & 2) != 0 ? W : 0;
        entry |= (detail & 4) != 0 ? U : 0;
        entry |= (detail & 8) != 0 ? NX : 0;
        var frame = (detail & 512) != 0 ? Frame(detail >> 4) : machine.Guest.Entry(Gva(page)) & PteBits.Frame;
        machine.Memory.Store(machine.Guest.EntryAddress(Gva(page)), frame | entry, 8);
        FlushShadow(machine);
    }

    /// <summary>Another page table, whose entries are those of the first with no right to write, or the first again.</summary>
    private static void EditDirectory(FakeMachine machine, int detail)
    {
        var address = machine.Guest.EntryAddress(FirstPage, 2);
        var first = machine.Guest.EntryAddress(FirstPage) & PteBits.Frame;
        for (var page = 0; page < Pages; page++)
            machine.Memory.Store(SecondPageTable + ((ulong)page * 8), machine.Guest.Entry(Gva(page)) & ~W, 8);
        machine.Memory.Store(address, ((detail & 1) != 0 ? SecondPageTable : first) | P | W | U, 8);
        FlushShadow(machine);
    }

    /// <summary>The guest clears an accessed bit above the page tables.</summary>
    private static void ClearAccessed(FakeMachine machine, int page, int detail)
    {
        var level = 2 + (detail % 3);
        machine.Memory.Store(machine.Guest.EntryAddress(Gva(page), level), machine.Guest.Entry(Gva(page), level) & ~A, 8);
        FlushShadow(machine);
    }

    /// <summary>Shadow tables may lag behind the guest's until it flushes; this guest always does.</summary>
    private static void FlushShadow(FakeMachine machine)
    {
        if (machine.Mode == MmuMode.Shadow)
            machine.Hypervisor.NewRoot();
    }

    private static void ClearAccessedAndDirty(FakeMachine machine, int page)
    {
        var bits = machine.Mode == MmuMode.Ept ? 0x300UL : A | D;
        if (machine.Hypervisor.EntryAt(TableInput(machine, page), 1) is { } entry)
            machine.Hypervisor.Overwrite(TableInput(machine, page), 1, entry.Raw & ~bits);
    }

    private static ulong TableInput(FakeMachine machine, int page) => machine.Mode == MmuMode.Shadow ? Gva(page) : Frame(page);

    private static ulong Gva(int page) => FirstPage + ((ulong)page << 12);

    private static ulong Frame(int page) => FirstFrame + ((ulong)(page % Pages) << 12);
}
