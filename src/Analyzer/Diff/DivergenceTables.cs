using System.Text.Json.Serialization;
using Replay.Analyzer.Query;
using Replay.Analyzer.Query.Tree;

namespace Replay.Analyzer.Diff;

/// <summary>The events at which two sides part.</summary>
public sealed record DivergenceList
{
    /// <summary>How many there are.</summary>
    public required long Total { get; init; }

    /// <summary>The first of them, as many as were asked for.</summary>
    public required IReadOnlyList<RunDivergence> First { get; init; }

    /// <summary>The first side's tables after the first of the events; null: there are none, or the run does not store them.</summary>
    public DivergenceTables? TablesA { get; init; }

    /// <summary>The second side's.</summary>
    public DivergenceTables? TablesB { get; init; }
}

/// <summary>One side's tables on the way to the address of an event, as the event left them.</summary>
public sealed record DivergenceTables
{
    /// <summary>EPTP, nCR3 or CR3; null: not known.</summary>
    public string? Register { get; init; }

    /// <summary>They translate guest-physical addresses; else guest-virtual ones.</summary>
    public required bool IsDirect { get; init; }

    /// <summary>Whose way is shown.</summary>
    public required string Address { get; init; }

    /// <summary>From the root down to where the walk ends.</summary>
    public required IReadOnlyList<DivergenceTable> Path { get; init; }

    internal static DivergenceTables? Read(DiffSide side, long ordinal, CancellationToken cancellation)
    {
        if (side.Run.Detail != "all" || ordinal > (side.Run.RowsToOrdinal ?? long.MaxValue))
            return null;
        var reader = new TableTreeReader(new QueryRunner(side.Database), side.Run, ordinal, cancellation);
        var vcpu = EventRecords.VcpuOf(side, ordinal);
        if (reader.FindRoot(vcpu) is not { } root)
            return null;
        var top = reader.ReadTable(root.TableId, 0);
        if (reader.AddressOfEvent(top.Direct) is not { } address)
            return null;
        var path = new List<DivergenceTable>();
        for (var table = reader.ReadPath(root.TableId, address); table is not null; table = table.Entries![0].Table)
            path.Add(DivergenceTable.Of(reader, table, ordinal));
        return new DivergenceTables { Register = root.Register is { } register ? $"0x{register:x}" : null, IsDirect = top.Direct, Address = $"0x{address:x}", Path = path };
    }
}

/// <summary>A table on the way, with the entry of the way and its neighbours.</summary>
public sealed record DivergenceTable
{
    private const int Neighbours = 4;

    /// <summary>The SDM's name of its level.</summary>
    public required string Name { get; init; }

    public required long TableId { get; init; }

    /// <summary>The entry that translates the address.</summary>
    public required int Index { get; init; }

    /// <summary>That entry and those beside it that are not 0.</summary>
    public required IReadOnlyList<DivergenceEntry> Entries { get; init; }

    /// <summary>Entries of the whole table that are not 0.</summary>
    public required int Used { get; init; }

    internal static DivergenceTable Of(TableTreeReader reader, TreeTable table, long ordinal)
    {
        var way = table.Entries![0];
        var all = reader.ReadTable(table.TableId, 1, 0).Entries!;
        var shown = all.Where(entry => Math.Abs(entry.Index - way.Index) <= Neighbours).ToList();
        if (shown.TrueForAll(entry => entry.Index != way.Index))
            shown.Insert(shown.Count(entry => entry.Index < way.Index), way);
        return new DivergenceTable
        {
            Name = table.Name,
            TableId = table.TableId,
            Index = way.Index,
            Entries = [.. shown.Select(entry => new DivergenceEntry
            {
                Index = entry.Index,
                Value = $"0x{entry.Value:x}",
                Kind = entry.Kind,
                Rights = entry.Rights,
                Since = entry.SinceOrdinal,
                Function = entry.Function,
                IsOnWay = entry.Index == way.Index,
                IsNew = entry.SinceOrdinal == ordinal,
            })],
            Used = all.Count,
        };
    }
}

/// <summary>An entry as the event left it.</summary>
public sealed record DivergenceEntry
{
    public required int Index { get; init; }

    public required string Value { get; init; }

    public required string Kind { get; init; }

    public string? Rights { get; init; }

    /// <summary>The event that wrote it; null: it was never written.</summary>
    public long? Since { get; init; }

    public string? Function { get; init; }

    /// <summary>It translates the address.</summary>
    [JsonIgnore]
    public bool IsOnWay { get; init; }

    /// <summary>The event itself wrote it.</summary>
    public bool IsNew { get; init; }
}
