using Replay.Analyzer.Store;
using Replay.Replayer;
using Replay.Replayer.History;
using Replay.Replayer.Kvm.Mmu;
using Replay.Trace;

namespace Replay.Analyzer.Tests;

/// <summary>
/// A small history made by hand, but through the journal and the table writer, as the model makes its own: an EPT tree is built by one
/// fault with a prefetched neighbour, gets its bits set by the hardware, an MMIO entry, a guest fault of the kernel half, and is zapped.
/// </summary>
internal sealed class SampleHistory
{
    private const ulong Link = 0x907;
    private const ulong Leaf = 0x0600_0000_0000_0b77;
    private const ulong Prefetched = 0x0600_0000_0000_0a77;
    private const ulong Mmio = 0x1086;

    private readonly Journal _journal;
    private readonly TableWriter _writer;
    private readonly List<TablePage> _pages = [];

    private SampleHistory(IHistory history)
    {
        _journal = new Journal(history);
        _writer = new TableWriter(_journal);
    }

    public static RunInfo Info { get; } = new()
    {
        Capture = "sample.capture",
        CaptureHash = new string('a', 64),
        CaptureSource = "synthetic",
        Mode = MmuMode.Ept,
        Profile = "intel",
        Backing = "4k",
        Kernel = "6.1.176",
        Tool = "0.0.0-test",
        Model = "1",
    };

    /// <summary>Reports the whole history and returns what a session would say of it.</summary>
    public static RunSummary Play(IHistory history)
    {
        var sample = new SampleHistory(history);
        sample.BuildTree();
        sample.TouchAgain();
        sample.TouchDevice();
        sample.FaultInGuest();
        sample.ZapLeafTable();
        EnterNestedGuest(history, sample._journal.Seq);
        return new RunSummary
        {
            // Fixed: the real one changes with the journal, which is not what is tested here.
            HistoryHash = new string('5', 32),
            FirstOrdinal = 1,
            LastOrdinal = 50,
            Accesses = 40,
            Events = 10,
            NoteCounts = sample._journal.NoteCounts.ToArray(),
            FirstNotes = sample._journal.FirstNotes.ToArray(),
            Walks = [new(0, 4, 20, 30), new(256, 4, 16, 8)],
        };
    }

    /// <summary>A database with the sample as its one run.</summary>
    public static Database Store(string path, StoreOptions? options = null, RunInfo? info = null)
    {
        using (var store = HistoryStore.Create(path, info ?? Info, options))
            store.Complete(Play(store));
        return Database.OpenRead(path);
    }

    private void BuildTree()
    {
        _journal.Ordinal = 10;
        _journal.Rip = 0xffff_ffff_8100_0000;
        using (_journal.Enter(KvmFunction.VcpuEnterGuest))
        using (_journal.Enter(KvmFunction.KvmMmuLoad))
        using (_journal.Enter(KvmFunction.MmuAllocDirectRoots))
        {
            var root = Create(4, 0);
            _journal.Root(RootOperation.Allocate, root.Id, root.Pfn << 12);
            _journal.Root(RootOperation.Load, root.Id, root.Pfn << 12 | 0x5e);
        }

        using (_journal.BeginExit(ExitReason.EptViolation, 0x782, 0x10_0000))
        using (_journal.Enter(KvmFunction.HandleEptViolation))
        using (_journal.Enter(KvmFunction.KvmMmuPageFault))
        {
            _journal.BeginFault(0x10_0000, 0xffff_8880_0010_0008, 0x1_0000_0002, KvmFunction.KvmTdpPageFault, AccessKind.Write);
            using (_journal.Enter(KvmFunction.DirectMap))
            {
                for (var level = 3; level >= 1; level--)
                {
                    var child = Create(level, 0);
                    using (_journal.Enter(KvmFunction.LinkShadowPage))
                        _writer.Write(_pages[^2], 0, new Spte(child.Pfn << 12 | Link), 0);
                }

                using (_journal.Enter(KvmFunction.MmuSetSpte))
                {
                    _writer.Write(_pages[^1], 0x100, new Spte(0x500UL << 12 | Leaf), 0x100, Tracepoint.KvmMmuSetSpte);
                    _journal.Rmap(RmapOperation.Add, 0x100, _pages[^1].Id, 0x100, 1);
                }

                using (_journal.Enter(KvmFunction.DirectPtePrefetch))
                    _writer.Write(_pages[^1], 0x101, new Spte(0x501UL << 12 | Prefetched), 0x101, Tracepoint.KvmMmuSetSpte);
            }

            _journal.EndFault(RetPf.Fixed, 1);
        }

        Access(AccessKind.Write, 0xffff_8880_0010_0008, 0x10_0008);
    }

    private void TouchAgain()
    {
        _journal.Ordinal = 20;
        _writer.SetByHardware(_pages[^1], 0x101, 1UL << 8, 0x101);
        Access(AccessKind.Read, 0xffff_8880_0010_1000, 0x10_1000);
    }

    private void TouchDevice()
    {
        _journal.Ordinal = 30;
        _journal.Rip = 0x40_1000;
        using (_journal.BeginExit(ExitReason.EptViolation, 0x781, 0x1f_f000))
        using (_journal.Enter(KvmFunction.HandleEptViolation))
        {
            _journal.BeginFault(0x1f_f000, 0x7fff_0000_0ff8, 0x1_0000_0004, KvmFunction.KvmTdpPageFault, AccessKind.Read);
            using (_journal.Enter(KvmFunction.MarkMmioSpte))
                _writer.Write(_pages[^1], 0x1ff, new Spte(Mmio | 0x1ffUL << 12), 0x1ff, Tracepoint.MarkMmioSpte);
            _journal.EndFault(RetPf.Emulate, 0);
        }

        _journal.Access(new AccessRecord
        {
            Kind = AccessKind.Read,
            Flags = AccessFlags.User | AccessFlags.Mmio,
            Gva = 0x7fff_0000_0ff8,
            Gpa = 0x1f_fff8,
            HasGpa = 1,
            Rip = 0x40_1000,
            Size = 4,
        });
    }

    private void FaultInGuest()
    {
        _journal.Ordinal = 40;
        _journal.ReplaysGuestFault = true;
        _journal.GuestFault(0xffff_c900_0000_0000, 2);
        _journal.ReplaysGuestFault = false;
        _journal.Note(ModelNote.TranslationDiffers, 0xffff_c900_0000_0000, 0x1000, 0x2000);
        _journal.Note(ModelNote.TranslationDiffers, 0xffff_c900_0000_1000, 0x3000, 0x4000);
    }

    private static void EnterNestedGuest(IHistory history, long seq)
    {
        history.OnGuestState(new GuestStateRecord
        {
            Seq = seq,
            Ordinal = 50,
            Cause = GuestStateCause.Vmrun,
            Context = GuestContext.NestedL2,
            Cr0 = 0x8000_0011,
            Cr3 = 0x40_0000,
            NestedRoot = 0x30_0000,
            NestedLevels = 4,
            Vmcb = 0x3e_0000,
            Asid = 1,
            ExitId = -1,
        });
        history.OnGuestEntry(new GuestEntryRecord { Ordinal = 50, Gfn = 0x300, Index = GuestEntryRecord.Page, Value = 1 });
        history.OnGuestEntry(new GuestEntryRecord { Ordinal = 50, Gfn = 0x300, Index = 0, Value = 0x30_1007 });
    }

    private void ZapLeafTable()
    {
        _journal.Ordinal = 50;
        _journal.Rip = 0;
        using (_journal.Enter(KvmFunction.KvmSetMemoryRegion))
        using (_journal.Enter(KvmFunction.KvmMmuZapAllFast))
        using (_journal.Enter(KvmFunction.KvmMmuPrepareZapPage))
        {
            var page = _pages[^1];
            Report(page, PageOperation.Zap, 0);
            using (_journal.Enter(KvmFunction.MmuPageZapPte))
            {
                _writer.Write(page, 0x100, default, 0x100);
                _writer.Write(page, 0x101, default, 0x101);
            }

            using (_journal.Enter(KvmFunction.DropParentPte))
                _writer.Write(_pages[^2], 0, default, 0);
            using (_journal.Enter(KvmFunction.KvmFlushRemoteTlbs))
                _journal.Flush(FlushKind.Remote);
            Report(page, PageOperation.Free, 0);
        }
    }

    private TablePage Create(int level, ulong gfn)
    {
        var page = new TablePage(_pages.Count + 1, 0x9000UL + (ulong)_pages.Count, level);
        _pages.Add(page);
        Report(page, PageOperation.Create, gfn);
        return page;
    }

    private void Report(TablePage page, PageOperation operation, ulong gfn) => _journal.TablePage(new TablePageRecord
    {
        Operation = operation,
        TableId = page.Id,
        Level = (byte)page.Level,
        Gfn = gfn,
        Pfn = page.Pfn,
        Role = new PageRole((uint)page.Level).WithDirect(true).WithAccess(PteAccess.All).With(PageRole.EferNxMask, true).Word,
    });

    private void Access(AccessKind kind, ulong gva, ulong gpa) => _journal.Access(new AccessRecord
    {
        Kind = kind,
        Gva = gva,
        Gpa = gpa,
        HasGpa = 1,
        Rip = _journal.Rip,
        Value = 0x8000_0000_dead_beef,
        HasValue = kind == AccessKind.Write ? (byte)1 : (byte)0,
        Size = 8,
    });
}
