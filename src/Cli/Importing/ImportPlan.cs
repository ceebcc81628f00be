using System.Globalization;
using Replay.Analyzer.Observed;
using Replay.Analyzer.Store;
using Replay.Recorder.Ftrace;
using Replay.Replayer.Kvm;

namespace Replay.Cli.Importing;

/// <summary>How a trace is read: what is known of its host, and what is wanted of it.</summary>
internal sealed record ImportPlan
{
    public required ObservedHost Host { get; init; }

    public required TraceOutlook Outlook { get; init; }

    public FieldsKept Kept { get; init; } = FieldsKept.Unmapped;

    /// <summary>Threads whose events make rows; none: all.</summary>
    public SortedSet<int> Pids { get; init; } = [];

    /// <summary>The VMs of the trace, each of which gets a run; none: one run of everything.</summary>
    public IReadOnlyList<TracedVm> Vms { get; init; } = [];

    /// <summary>The VMs were looked for in the first part of the trace alone.</summary>
    public bool IsPartial { get; init; }

    /// <summary>Which of them this run is of; null: the trace is taken for one VM's.</summary>
    public string? Vm { get; init; }

    public static TraceOutlook OutlookOf(HostFindings findings) => new(findings.ProbedEntries, findings.ProbedReturns, findings.VcpuOfThread, findings.EventNames);

    /// <summary>What the run's row keeps, so that the import can be done again.</summary>
    public SortedDictionary<string, string> Options()
    {
        var options = new SortedDictionary<string, string>(StringComparer.Ordinal)
        {
            ["mmu"] = Host.ModeName,
            ["vendor"] = Host.IsIntel ? "intel" : "amd",
            ["direct_map"] = $"0x{Host.DirectMap:x}",
            ["entries_present"] = Host.PresentByRights ? "by rights" : "by MMU_PRESENT",
            ["pids"] = string.Join(',', Pids),
        };
        if (Vm is not null)
            options["vm"] = Vm;
        return options;
    }

    /// <summary>The plan by which an observed run was made, from its row.</summary>
    /// <exception cref="UsageException">The row does not say.</exception>
    public static ImportPlan Of(RunRow run, HostFindings findings)
    {
        var options = run.OptionsByName();
        if (!options.TryGetValue("mmu", out var mode) || !options.TryGetValue("vendor", out var vendor) || !options.TryGetValue("direct_map", out var map)
            || !ulong.TryParse(map.AsSpan(2), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var directMap))
            throw new UsageException($"run {run.Run} ({run.Name}): does not say how its trace was read.");
        return new ImportPlan
        {
            Host = new ObservedHost
            {
                IsIntel = vendor == "intel",
                Paging = mode.StartsWith("ept", StringComparison.Ordinal) ? ObservedPaging.Ept
                    : mode.StartsWith("npt", StringComparison.Ordinal) ? ObservedPaging.Npt : ObservedPaging.Shadow,
                UsesTdpMmu = mode.EndsWith("-tdp", StringComparison.Ordinal),
                PresentByRights = options.GetValueOrDefault("entries_present") == "by rights",
                DirectMap = directMap,
                Kernel = KvmBehaviour.OfRelease(run.Kernel) ?? KvmBehaviour.Linux61,
            },
            Outlook = OutlookOf(findings),
            Kept = FieldsKept.None,
            Vm = options.GetValueOrDefault("vm"),
            Vms = options.ContainsKey("vm") ? findings.Vms : [],
            Pids = [.. (options.GetValueOrDefault("pids") ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries).Select(int.Parse)],
        };
    }
}
