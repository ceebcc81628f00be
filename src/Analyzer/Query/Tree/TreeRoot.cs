namespace Replay.Analyzer.Query.Tree;

/// <summary>The root that a vCPU walked from after an event.</summary>
/// <param name="TableId">Its table.</param>
/// <param name="Register">The register that names it: EPTP, nCR3 or CR3; null in an observed run that does not show it.</param>
/// <param name="Ordinal">The event that loaded it.</param>
public sealed record TreeRoot(long TableId, ulong? Register, long Ordinal);
