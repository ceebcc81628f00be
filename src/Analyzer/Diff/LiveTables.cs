using Dapper;
using Replay.Analyzer.Diff.Rows;

namespace Replay.Analyzer.Diff;

/// <summary>Lives of table pages.</summary>
internal static class LiveTables
{
    private const string Lives =
        "SELECT table_id AS Id, created_ordinal AS Created, created_seq AS CreatedSeq, coalesce(freed_ordinal, zapped_ordinal) AS Ended, "
        + "coalesce(freed_seq, zapped_seq) AS EndedSeq FROM _table_page WHERE run = @Run";

    public static FinalMappings FinalMappingsOf(DiffSide side)
    {
        var lives = Read(side);
        var alive = new bool[lives.Count == 0 ? 0 : lives.Max(life => life.Id) + 1];
        foreach (var life in lives)
            alive[life.Id] = life.EndedSeq is null;
        return new FinalMappings(alive);
    }

    /// <summary>Tables made from the first to the last ordinal of each side, those alive at the last, and the most that were alive at once in between.</summary>
    public static TableTotals Compare(DiffSide a, long firstA, long lastA, DiffSide b, long firstB, long lastB)
    {
        var (createdA, liveA, peakA) = Count(Read(a), firstA, lastA);
        var (createdB, liveB, peakB) = Count(Read(b), firstB, lastB);
        return new TableTotals { Created = new(createdA, createdB), Live = new(liveA, liveB), Peak = new(peakA, peakB) };
    }

    private static (long Created, long Live, long Peak) Count(List<TableLife> lives, long first, long last)
    {
        var changes = new List<(long Seq, long Ordinal, int Change)>();
        var created = 0L;
        foreach (var life in lives.Where(life => life.Created <= last))
        {
            created += life.Created >= first ? 1 : 0;
            changes.Add((life.CreatedSeq, life.Created, 1));
            if (life is { EndedSeq: { } ended, Ended: { } at } && at <= last)
                changes.Add((ended, at, -1));
        }

        changes.Sort(static (left, right) => left.Seq.CompareTo(right.Seq));
        var (live, peak) = (0L, 0L);
        foreach (var (_, ordinal, change) in changes)
        {
            live += change;
            peak = ordinal < first ? live : Math.Max(peak, live);
        }

        return (created, live, peak);
    }

    private static List<TableLife> Read(DiffSide side) => side.Database.Connection.Query<TableLife>(Lives, new { side.Run.Run }).AsList();
}

/// <summary>When a table page was made and when it ended.</summary>
internal sealed record TableLife
{
    public int Id { get; init; }

    public long Created { get; init; }

    public long CreatedSeq { get; init; }

    public long? Ended { get; init; }

    public long? EndedSeq { get; init; }
}
