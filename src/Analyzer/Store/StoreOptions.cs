namespace Replay.Analyzer.Store;

/// <summary>What a run stores.</summary>
public sealed record StoreOptions
{
    public static StoreOptions Default { get; } = new();

    public DetailLevel Detail { get; init; } = DetailLevel.All;

    /// <summary>Store changes of the reverse maps, about as many rows as table writes.</summary>
    public bool Rmap { get; init; }
}
