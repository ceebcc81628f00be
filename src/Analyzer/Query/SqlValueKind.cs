namespace Replay.Analyzer.Query;

/// <summary>SQLite's storage classes.</summary>
public enum SqlValueKind : byte
{
    Null,
    Integer,
    Real,
    Text,
    Blob,
}
