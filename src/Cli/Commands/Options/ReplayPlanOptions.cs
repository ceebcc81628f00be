using System.CommandLine;
using Replay.Cli.Importing;
using Replay.Cli.Replaying;
using Replay.Replayer;
using Replay.Replayer.Kvm;
using Replay.Replayer.Kvm.Host;
using Replay.Trace;

namespace Replay.Cli.Commands;

/// <summary>The options that say how a capture is replayed.</summary>
internal sealed class ReplayPlanOptions
{
    private readonly Option<string[]> _modes = new("--mmu", "-m", "--mode")
    {
        Description = $"MMU to replay with; repeatable: {string.Join(", ", MmuModes.All.Select(mode => mode.Name()))} (default: ept; of a capture made of a trace, the traced host's)",
        HelpName = "MODE",
        AllowMultipleArgumentsPerToken = false,
    };

    private readonly Option<string[]> _kernels = new("--kernel")
    {
        Description = $"Linux whose KVM is modelled; repeatable, each mode is replayed with each: {KernelNames} (default: {KvmBehaviour.Newest.Name})",
        HelpName = "VERSION",
        AllowMultipleArgumentsPerToken = false,
    };

    private readonly Option<string?> _host = new("--host")
    {
        Description = $"Host profile: {string.Join(", ", HostProfiles.All.Select(profile => profile.Name))} (default: by mode; in shadow amd where the guest runs guests of its own by VMRUN)",
        HelpName = "PROFILE",
    };

    private readonly Option<string?> _pages = new("--host-pages")
    {
        Description = "How the host backs guest memory: 4k or thp (default 4k; of a capture made of a trace, as the trace shows)",
        HelpName = "SIZE",
    };

    private readonly Option<bool> _lazy = new("--lazy") { Description = "The host has not populated the memory: reads map the zero page, writes copy it" };
    private readonly Option<string[]> _parameters = new("--module-param") { Description = "Set a module parameter of kvm, kvm_intel or kvm_amd; slot_zap_quirk=N: KVM_X86_QUIRK_SLOT_ZAP_ALL is off; repeatable", HelpName = "NAME=VALUE" };
    private readonly Option<string?> _hostEvents = new("--host-events")
    {
        Description = "What the host does meanwhile: a JSON object a line, at ordinals or markers (schemas/host-events.md)",
        HelpName = "FILE",
    };

    private readonly Option<bool> _noTlb = new("--no-tlb") { Description = "Walk on every access; the same history, slower" };
    private readonly Option<bool> _noIndex = new("--no-index") { Description = "Read every access, even where the capture's index says that it repeats another; the same history, slower" };
    private readonly Option<int> _threads = new("--threads")
    {
        Description = "Threads that replay, at most one a mode (default: the processors)",
        HelpName = "N",
        DefaultValueFactory = _ => Environment.ProcessorCount,
    };

    /// <summary>The kernel, where there is one only.</summary>
    internal static Option<string?> Kernel() => new("--kernel")
    {
        Description = $"Linux whose KVM is modelled: {KernelNames} (default: {KvmBehaviour.Newest.Name})",
        HelpName = "VERSION",
    };

    private static string KernelNames => string.Join(", ", KvmBehaviour.All.Select(kernel => kernel.Name));

    public void AddTo(Command command)
    {
        _modes.TakesOneOf(MmuModes.All.Select(mode => mode.Name()));
        _kernels.TakesOneOf(KvmBehaviour.All.Select(kernel => kernel.Name));
        _host.TakesOneOf(HostProfiles.All.Select(profile => profile.Name));
        _pages.TakesOneOf("4k", "thp");
        command.Options.Add(_modes);
        command.Options.Add(_kernels);
        command.Options.Add(_host);
        command.Options.Add(_pages);
        command.Options.Add(_lazy);
        command.Options.Add(_parameters);
        command.Options.Add(_hostEvents);
        command.Options.Add(_noTlb);
        command.Options.Add(_noIndex);
        command.Options.Add(_threads);
    }

    public ReplayPlan Read(ParseResult arguments, string capture)
    {
        var traced = Traced(Inputs.Capture(capture));
        var modes = Modes(arguments.GetValue(_modes) ?? [], traced?.Mode ?? MmuMode.Ept);
        var nested = modes.Contains(MmuMode.Shadow) && traced is null && arguments.GetValue(_host) is null ? FirstNestedEntry(Inputs.Capture(capture)) : null;
        var saysHost = arguments.GetValue(_pages) is not null || arguments.GetValue(_lazy);
        return new ReplayPlan
        {
            Capture = Inputs.Capture(capture),
            Modes = modes,
            Kernels = Kernels(arguments.GetValue(_kernels) ?? [], modes, traced?.Kernel),
            Nested = nested,
            Profile = Profile(arguments, modes, nested, traced is { } host && modes.TrueForAll(mode => mode.RunsOn(host.Profile.Vendor)) ? host.Profile : null),
            Backing = new HostBacking { HugePages = HugePages(arguments.GetValue(_pages), traced?.Backing.HugePages ?? false), Populated = !arguments.GetValue(_lazy) },
            TracedMode = saysHost ? null : traced?.Mode,
            HostScript = CommonOptions.ReadHostEvents(arguments.GetValue(_hostEvents)),
            UseTlb = !arguments.GetValue(_noTlb),
            UseIndex = !arguments.GetValue(_noIndex) && !arguments.GetValue(_noTlb),
            Threads = arguments.GetValue(_threads) is > 0 and var threads ? threads : throw new UsageException("--threads: at least 1."),
        };
    }

    private static List<MmuMode> Modes(string[] names, MmuMode usual)
    {
        var modes = new List<MmuMode>();
        foreach (var name in names)
        {
            if (!MmuModes.TryParse(name, out var mode))
                throw new UsageException($"--mmu {name}: {DidYouMean.Choose(name, MmuModes.All.Select(known => known.Name()))}");
            if (modes.Contains(mode))
                throw new UsageException($"--mmu {name} is given twice.");
            modes.Add(mode);
        }

        return modes.Count > 0 ? modes : [usual];
    }

    internal static List<KvmBehaviour> Kernels(string[] names, IReadOnlyList<MmuMode> modes, KvmBehaviour? usual = null)
    {
        var kernels = new List<KvmBehaviour>();
        foreach (var name in names)
        {
            var kernel = KvmBehaviour.Find(name)
                ?? throw new UsageException($"--kernel {name}: {DidYouMean.Choose(name, KvmBehaviour.All.Select(known => known.Name))}");
            if (kernels.Contains(kernel))
                throw new UsageException($"--kernel {name} is given twice.");
            foreach (var mode in modes)
            {
                if (!kernel.Has(mode))
                    throw new UsageException($"--kernel {name}: mode {mode.Name()} is not modelled for it. {Remedy(kernel, mode)}");
            }

            kernels.Add(kernel);
        }

        return kernels.Count > 0 ? kernels : [usual ?? KvmBehaviour.Newest];
    }

    /// <summary>Another mode of the kernel, or another kernel of the mode.</summary>
    private static string Remedy(KvmBehaviour kernel, MmuMode mode)
    {
        var modes = string.Join(", ", MmuModes.All.Where(kernel.Has).Select(known => known.Name()));
        var kernels = string.Join(", ", KvmBehaviour.All.Where(known => known.Has(mode)).Select(known => known.Name));
        return $"Use --mmu {modes} with it, or --kernel {kernels}.";
    }

    /// <summary>The host of the trace that the capture was made of.</summary>
    private static (MmuMode Mode, KvmBehaviour Kernel, HostProfile Profile, HostBacking Backing)? Traced(string capture)
    {
        using var reader = CaptureReader.Open(capture);
        return Reconstruction.TracedHost(reader.Manifest);
    }

    private static NestedEntry? FirstNestedEntry(string capture)
    {
        using var reader = CaptureReader.Open(capture);
        return reader.ReadFirstNestedEntry();
    }

    private static bool HugePages(string? text, bool usual) => text switch
    {
        null => usual,
        "4k" => false,
        "thp" => true,
        _ => throw new UsageException($"--host-pages {text}: {DidYouMean.Choose(text, ["4k", "thp"])}"),
    };

    private HostProfile? Profile(ParseResult arguments, List<MmuMode> modes, NestedEntry? nested, HostProfile? usual)
    {
        var profile = usual;
        if (arguments.GetValue(_host) is { } name)
        {
            profile = HostProfiles.Find(name)
                ?? throw new UsageException($"--host {name}: {DidYouMean.Choose(name, HostProfiles.All.Select(known => known.Name))}");
            foreach (var mode in modes)
            {
                if (!mode.RunsOn(profile.Vendor))
                    throw new UsageException($"--host {name}: mode {mode.Name()} does not run on this vendor's CPUs.");
            }
        }

        var settings = Settings.Parse(arguments.GetValue(_parameters) ?? [], "--module-param");
        if (settings.Count == 0)
            return profile;
        var hosts = modes.Select(mode => HostProfiles.DefaultFor(mode, nested)).Distinct().ToList();
        if (profile is null && hosts.Count > 1)
            throw new UsageException("--module-param: name one --host, or modes of one vendor.");
        return ModuleParameters.Apply(profile ?? hosts[0], settings);
    }
}
