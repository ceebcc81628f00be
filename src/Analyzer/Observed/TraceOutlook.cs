namespace Replay.Analyzer.Observed;

/// <summary>What is known of a trace before it is read through.</summary>
/// <param name="ProbedEntries">Functions that probes stand on.</param>
/// <param name="ProbedReturns">Functions whose return is probed.</param>
/// <param name="VcpuOfThread">The vCPU that each thread enters first.</param>
/// <param name="Events">Names of tracepoints that it has.</param>
public sealed record TraceOutlook(
    IReadOnlyCollection<string> ProbedEntries,
    IReadOnlyCollection<string> ProbedReturns,
    IReadOnlyDictionary<long, int> VcpuOfThread,
    IReadOnlyCollection<string> Events);
