using Replay.Analyzer.Store;
using Replay.Replayer;
using Replay.Replayer.History;
using Replay.Trace;

namespace Replay.Benchmarks;

/// <summary>
/// A history as long as one likes, with the shape of a real one: a tree over 4 GiB whose leaf tables are filled by faults, in bursts of
/// up to eight entries, most often where it was filled before; one entry that takes a tenth of all writes; tables that are zapped and
/// made anew.
/// </summary>
internal sealed class LongHistory(IHistory store, long writes)
{
    private const int LeafTables = 2048;
    private const int DirectoryTables = 4;
    private const ulong Present = 0x0600_0000_0000_0b77;
    private const ulong Link = 0x907;
    private const int HotTable = 7;
    private const int HotIndex = 100;

    private readonly Random _random = new(1);
    private readonly int[] _leaf = new int[LeafTables];
    private readonly ulong[] _values = new ulong[LeafTables * 512];
    private long _ordinal;
    private long _seq;
    private long _written;
    private int _nextTable;
    private int _exit;
    private int _fault;

    /// <summary>The table of the entry with a tenth of all writes, and its index.</summary>
    public (int Table, int Index) Hot => (_leaf[HotTable], HotIndex);

    public static RunInfo Info { get; } = new()
    {
        Capture = "long-history",
        CaptureHash = new string('c', 64),
        CaptureSource = "benchmark",
        Mode = MmuMode.Ept,
        Profile = "intel",
        Backing = "4k",
        Kernel = "6.1",
        Tool = "benchmark",
        Model = "1",
    };

    /// <summary>Tells all of it.</summary>
    public RunSummary Play()
    {
        for (var chain = 1; chain <= 40; chain++)
            store.OnChain(chain, [KvmFunction.HandleEptViolation, KvmFunction.KvmMmuPageFault, chain % 2 == 0 ? KvmFunction.MmuSetSpte : KvmFunction.DirectPtePrefetch]);
        BuildTree();
        while (_written < writes)
        {
            _ordinal += 1 + _random.Next(8);
            Fault();
            if (_random.Next(5000) == 0)
                Renew(_random.Next(HotTable + 1, LeafTables));
        }

        return new RunSummary { HistoryHash = "0", LastOrdinal = _ordinal };
    }

    private void BuildTree()
    {
        var root = Create(4, 0);
        store.OnRoot(new RootRecord { Seq = ++_seq, Ordinal = _ordinal, TableId = root, Value = Pfn(root) << 12 | 0x5e, Operation = RootOperation.Load, ExitId = -1, ChainId = 1 });
        var pointers = Create(3, 0);
        Write(root, 4, 0, 0, 0, Pfn(pointers) << 12 | Link, 2);
        for (var d = 0; d < DirectoryTables; d++)
        {
            var directory = Create(2, (ulong)d << 18);
            Write(pointers, 3, d, (ulong)d << 18, 0, Pfn(directory) << 12 | Link, 2);
            for (var i = 0; i < 512; i++)
            {
                var leaf = (d * 512) + i;
                _leaf[leaf] = Create(1, (ulong)leaf << 9);
                Write(directory, 2, i, (ulong)leaf << 9, 0, Pfn(_leaf[leaf]) << 12 | Link, 2);
            }
        }
    }

    private void Fault()
    {
        var isHot = _random.Next(10) < 3;
        // Low tables more often than high ones, the square of an even distribution.
        var skewed = _random.NextDouble();
        var leaf = isHot ? HotTable : (int)(skewed * skewed * LeafTables);
        var index = isHot ? HotIndex : _random.Next(512);
        var gfn = (ulong)((leaf * 512) + index);
        var seq = ++_seq;
        store.OnExit(new VmExitRecord { Seq = seq, Ordinal = _ordinal, ExitId = _exit, Reason = ExitReason.EptViolation, Info1 = 0x782, Info2 = gfn << 12 });
        var start = ++_seq;
        var count = isHot ? 1 : 1 + _random.Next(6);
        for (var i = 0; i < count && index + i < 512; i++)
        {
            ref var value = ref _values[(leaf * 512) + index + i];
            var next = value == 0 ? (gfn + (ulong)i + 0x100000) << 12 | Present : _random.Next(2) == 0 ? value ^ 2 : 0;
            Write(_leaf[leaf], 1, index + i, gfn + (ulong)i, value, next, 3 + _random.Next(38));
            value = next;
        }

        store.OnFault(new FaultRecord
        {
            Seq = start,
            Ordinal = _ordinal,
            FaultId = _fault++,
            ExitId = _exit++,
            Address = gfn << 12,
            Gva = 0xffff_8880_0000_0000 + (gfn << 12),
            ErrorCode = 0x1_0000_0002,
            Rip = 0xffff_ffff_8100_0000 + (ulong)_random.Next(1 << 16),
            Writes = count,
            Handler = KvmFunction.KvmTdpPageFault,
            Outcome = RetPf.Fixed,
            MappedLevel = 1,
            Access = AccessKind.Write,
        });
        store.OnAccess(new AccessRecord
        {
            Ordinal = _ordinal,
            Gva = 0xffff_8880_0000_0000 + (gfn << 12),
            Gpa = gfn << 12,
            HasGpa = 1,
            Size = 8,
            Kind = AccessKind.Write,
        });
    }

    private void Renew(int leaf)
    {
        Operation(_leaf[leaf], 1, (ulong)leaf << 9, PageOperation.Zap);
        var table = _leaf[leaf];
        for (var i = 0; i < 512; i++)
        {
            ref var value = ref _values[(leaf * 512) + i];
            if (value != 0)
                Write(table, 1, i, (ulong)((leaf * 512) + i), value, 0, 1);
            value = 0;
        }

        Operation(table, 1, (ulong)leaf << 9, PageOperation.Free);
        store.OnFlush(new TlbFlushRecord { Seq = ++_seq, Ordinal = _ordinal, Kind = FlushKind.Remote, FaultId = -1, ExitId = -1, ChainId = 1 });
        _leaf[leaf] = Create(1, (ulong)leaf << 9);
        var directory = 3 + (leaf / 512 * 513);
        Write(directory, 2, leaf % 512, (ulong)leaf << 9, Pfn(table) << 12 | Link, Pfn(_leaf[leaf]) << 12 | Link, 2);
    }

    private int Create(int level, ulong gfn)
    {
        var table = ++_nextTable;
        Operation(table, level, gfn, PageOperation.Create);
        return table;
    }

    private void Operation(int table, int level, ulong gfn, PageOperation operation) => store.OnTablePage(new TablePageRecord
    {
        Seq = ++_seq,
        Ordinal = _ordinal,
        TableId = table,
        Level = (byte)level,
        Gfn = gfn,
        Pfn = Pfn(table),
        Role = 0x1780 | (uint)level,
        Operation = operation,
        FaultId = -1,
        ExitId = -1,
        ChainId = 1,
    });

    private void Write(int table, int level, int index, ulong gfn, ulong old, ulong value, int chain)
    {
        _written++;
        store.OnWrite(new TableWrite
        {
            Seq = ++_seq,
            Ordinal = _ordinal,
            TableId = table,
            Level = (byte)level,
            Index = (ushort)index,
            Gfn = gfn,
            Old = old,
            New = value,
            FaultId = level == 1 && chain > 2 ? _fault : -1,
            ExitId = level == 1 && chain > 2 ? _exit : -1,
            ChainId = chain,
            Function = chain % 2 == 0 ? KvmFunction.MmuSetSpte : KvmFunction.DirectPtePrefetch,
            Tracepoint = Tracepoint.KvmMmuSetSpte,
        });
    }

    private static ulong Pfn(int table) => 0x40_0000 + (ulong)table;
}
