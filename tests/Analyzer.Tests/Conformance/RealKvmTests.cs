using Replay.Analyzer.Conformance;
using Replay.Replayer.Kvm.Host;
using Replay.Trace;

namespace Replay.Analyzer.Tests.Conformance;

/// <summary>
/// The model does what a real Linux 6.1 KVM did for the same guest: every entry write, every fault, page, root and leaf, in the same
/// order. The cases and how they were made are described in tests/data/conformance/README.md.
/// </summary>
public sealed class RealKvmTests
{
    private static readonly string Data = Path.Combine(FindRoot(), "tests", "data", "conformance");

    public static TheoryData<string> Cases
    {
        get
        {
            var data = new TheoryData<string>();
            foreach (var file in Directory.GetFiles(Data, "case.json", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
                data.Add(Path.GetRelativePath(Data, Path.GetDirectoryName(file)!).Replace('\\', '/'));
            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void The_model_does_what_a_real_KVM_did(string folder)
    {
        var conformanceCase = ConformanceCase.Load(Path.Combine(Data, folder));
        var profile = HostProfiles.Find(conformanceCase.HostProfile)!;
        using var capture = CaptureReader.Open(Path.Combine(Data, $"{Path.GetFileNameWithoutExtension(conformanceCase.GuestPath)}.capture"));
        var observed = conformanceCase.ReadObserved(profile.EptAdBits);
        var model = ConformanceReplay.Run(conformanceCase, profile, capture);
        Assert.NotEmpty(observed.Writes);
        AssertSame(observed.Writes, model.Writes);
        AssertSame(observed.Operations, model.Operations);
    }

    [Fact]
    public void There_are_cases_of_every_two_dimensional_mode() =>
        Assert.Equal(["amd/npt", "amd/npt-tdp", "intel/ept", "intel/ept-tdp"], Cases.Select(row => Path.GetDirectoryName((string)row.Data)!.Replace('\\', '/')).Distinct().Order(StringComparer.Ordinal));

    private static void AssertSame(List<ConformanceItem> observed, List<ConformanceItem> model)
    {
        var alignment = Alignment.Of(observed, model);
        if (alignment.IsComplete)
            return;
        var (left, right) = alignment.FirstDivergence ?? (0, 0);
        Assert.Fail(
            $"{alignment.Matched} of {alignment.Seen} match, {alignment.Extra} of the model's are extra. First: "
            + $"real '{(left < observed.Count ? observed[left] : "-")}' (line {(left < observed.Count ? observed[left].Source : 0)}), "
            + $"model '{(right < model.Count ? model[right] : "-")}' (ordinal {(right < model.Count ? model[right].Source : 0)})");
    }

    private static string FindRoot()
    {
        for (var folder = AppContext.BaseDirectory; folder is not null; folder = Path.GetDirectoryName(folder))
        {
            if (File.Exists(Path.Combine(folder, "Replay.sln")))
                return folder;
        }

        throw new InvalidOperationException("Replay.sln was not found above the tests.");
    }
}
