namespace Replay.Analyzer.Observed;

/// <summary>Of which events the fields are stored beside the rows that are made of them.</summary>
public enum FieldsKept
{
    /// <summary>None: only that there was such an event, when and where.</summary>
    None = 0,

    /// <summary>Those that no row of the history tells.</summary>
    Unmapped = 1,

    /// <summary>Those of every event.</summary>
    All = 2,
}
