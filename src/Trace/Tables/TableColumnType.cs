namespace Replay.Trace.Tables;

/// <summary>What a column of a table file holds. Every column can hold nulls.</summary>
public enum TableColumnType
{
    /// <summary>Signed 64-bit integers.</summary>
    Integer,

    /// <summary>Unsigned 64-bit integers: addresses and table entries.</summary>
    Unsigned,

    Boolean,

    /// <summary>64-bit floating point, set by its bits.</summary>
    Real,

    /// <summary>Text with few distinct values: kept as a dictionary.</summary>
    Word,

    /// <summary>Text.</summary>
    Text,
}
