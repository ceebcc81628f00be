namespace Replay.Trace.Columns;

/// <summary>What the values of a column mean, beside how they are stored.</summary>
internal enum LogicalType
{
    Unsigned,
    Signed,
    Text,
    Bytes,
}
