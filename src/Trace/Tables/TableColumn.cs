namespace Replay.Trace.Tables;

/// <summary>A column of a table file.</summary>
public sealed record TableColumn(string Name, TableColumnType Type);
