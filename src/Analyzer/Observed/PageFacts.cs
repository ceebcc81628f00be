namespace Replay.Analyzer.Observed;

/// <summary>What is known of a table page by now.</summary>
/// <param name="TableId">Which page.</param>
/// <param name="Pfn">Its host frame.</param>
/// <param name="Role">Its role word.</param>
/// <param name="RoleMask">The bits of the role word that are known.</param>
public readonly record struct PageFacts(int TableId, ulong Pfn, uint Role, uint RoleMask);
