namespace Replay.Analyzer.Export;

/// <summary>What became of one view.</summary>
/// <param name="View">Its name.</param>
/// <param name="Rows">Rows written.</param>
/// <param name="Files">Files they are in.</param>
/// <param name="Bytes">Bytes of these.</param>
public sealed record ExportedView(string View, long Rows, int Files, long Bytes);
