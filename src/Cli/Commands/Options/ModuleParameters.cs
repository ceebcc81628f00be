using Replay.Replayer.Kvm.Host;
using Replay.Trace;

namespace Replay.Cli.Commands;

/// <summary>Module parameters of a host's KVM, by their names under /sys/module.</summary>
internal static class ModuleParameters
{
    /// <summary>KVM_X86_QUIRK_SLOT_ZAP_ALL is no module's parameter: userspace switches it off for a VM.</summary>
    public const string SlotZapQuirk = "slot_zap_quirk";

    private static readonly Dictionary<string, Func<HostProfile, bool, HostProfile>> Switches = new(StringComparer.Ordinal)
    {
        ["eptad"] = (profile, on) => profile with { EptAdBits = on, Pml = profile.Pml && on },
        ["pml"] = (profile, on) => profile with { Pml = on },
        ["unrestricted_guest"] = (profile, on) => profile with { UnrestrictedGuest = on },
        ["nx_huge_pages"] = (profile, on) => profile with { NxHugePages = on },
        ["eager_page_split"] = (profile, on) => profile with { EagerPageSplit = on },
        ["mmio_caching"] = (profile, on) => profile with { MmioCaching = on },
        ["flexpriority"] = (profile, on) => profile with { PrivateMemslots = profile.Vendor == CpuVendor.Intel && on, Apicv = profile.Apicv && on },
        ["enable_apicv"] = (profile, on) => profile with { Apicv = profile.PrivateMemslots && on },
        [SlotZapQuirk] = (profile, on) => profile with { SlotZapQuirk = on },
        ["nrips"] = (profile, on) => profile with { Nrips = on },
    };

    public static HostProfile Apply(HostProfile profile, IReadOnlyDictionary<string, string> settings)
    {
        foreach (var (name, value) in settings.OrderBy(setting => setting.Key, StringComparer.Ordinal))
        {
            if (!Switches.TryGetValue(name, out var change))
                throw new UsageException($"--module-param {name}: {DidYouMean.Choose(name, Switches.Keys.Order(StringComparer.Ordinal))} tdp_mmu and ept are chosen by --mmu.");
            // What is set again replaces what was.
            var others = profile.Name.Split('+').Where(part => !part.StartsWith($"{name}=", StringComparison.Ordinal));
            profile = change(profile, IsOn(name, value)) with { Name = $"{string.Join('+', others)}+{name}={value}" };
        }

        return profile;
    }

    /// <summary>A profile's name is that of a known one, with the parameters changed behind it. Null: no such profile.</summary>
    public static HostProfile? OfName(string name)
    {
        var parts = name.Split('+');
        return HostProfiles.Find(parts[0]) is { } profile ? Apply(profile, Settings.Parse(parts[1..], "--module-param")) : null;
    }

    private static bool IsOn(string name, string value) => value switch
    {
        "1" or "Y" or "y" or "on" => true,
        "0" or "N" or "n" or "off" => false,
        _ => throw new UsageException($"--module-param {name}={value}: write Y or N."),
    };
}
