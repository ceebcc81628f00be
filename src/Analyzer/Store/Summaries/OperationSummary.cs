using System.Runtime.InteropServices;

namespace Replay.Analyzer.Store.Summaries;

/// <summary>Counts operations on table pages and TLB flushes by the call chain that made them.</summary>
internal sealed class OperationSummary
{
    private readonly Dictionary<ulong, Tally> _pages = [];
    private readonly Dictionary<ulong, Tally> _flushes = [];

    public void Count(RecordBatch batch)
    {
        foreach (ref readonly var page in batch.Pages.Records)
            CollectionsMarshal.GetValueRefOrAddDefault(_pages, Pack(page.ChainId, (int)page.Operation, page.Level), out _).Add(page.Ordinal, 0);
        foreach (ref readonly var flush in batch.Flushes.Records)
            CollectionsMarshal.GetValueRefOrAddDefault(_flushes, Pack(flush.ChainId, (int)flush.Kind, 0), out _).Add(flush.Ordinal, (long)flush.Pages);
    }

    public void Store(NativeConnection connection, int run)
    {
        foreach (var (key, tally) in _pages)
        {
            connection.Run(
                "INSERT INTO _page_tally (run, operation, level, chain_id, operations, first_ordinal, last_ordinal) VALUES (?, ?, ?, ?, ?, ?, ?)",
                run,
                key >> 8 & 255,
                key & 255,
                key >> 32,
                tally.Count,
                tally.FirstOrdinal,
                tally.LastOrdinal);
        }

        foreach (var (key, tally) in _flushes)
        {
            connection.Run(
                "INSERT INTO _flush_tally (run, kind, chain_id, flushes, pages, first_ordinal, last_ordinal) VALUES (?, ?, ?, ?, ?, ?, ?)",
                run,
                key >> 8 & 255,
                key >> 32,
                tally.Count,
                tally.Pages,
                tally.FirstOrdinal,
                tally.LastOrdinal);
        }
    }

    // 63..32    15..8              7..0
    // chain id  operation or kind  level
    private static ulong Pack(int chain, int what, int level) => (ulong)(uint)chain << 32 | (uint)what << 8 | (uint)level;

    private struct Tally
    {
        public long Count;
        public long Pages;
        public long FirstOrdinal;
        public long LastOrdinal;

        public void Add(long ordinal, long pages)
        {
            if (Count++ == 0)
                FirstOrdinal = ordinal;
            Pages += pages;
            LastOrdinal = ordinal;
        }
    }
}
