namespace Replay.Analyzer.Schema;

/// <summary>One file of <c>schemas/db</c>.</summary>
/// <param name="Name">File name without directory and extension.</param>
/// <param name="Text">Its whole content.</param>
internal sealed record SqlFile(string Name, string Text);
