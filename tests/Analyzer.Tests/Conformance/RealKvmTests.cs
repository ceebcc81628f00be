using Replay.Analyzer.Conformance;
using Replay.Trace;

namespace Replay.Analyzer.Tests.Conformance;

/// <summary>
/// The model does what a real KVM of Linux 6.1 or 6.12 did for the same guest: every entry write, every fault, page, root and leaf, in the same
/// order, and the same tables at each checkpoint. <c>scores.txt</c> says how far. The cases and how they were made are described in tests/data/conformance/README.md.
/// </summary>
public sealed class RealKvmTests
{
    private static readonly string Scores = Repository.Data("conformance", "scores.txt");

    private static readonly string Data = Repository.Data("conformance");

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
        using var capture = CaptureReader.Open(Path.Combine(Data, $"{Path.GetFileNameWithoutExtension(conformanceCase.GuestPath)}.capture"));
        var result = ConformanceReplay.Run(conformanceCase, CaseProgram.Read(conformanceCase.GuestPath), capture, TestContext.Current.CancellationToken);
        Assert.All(result.Classes, one => Assert.NotEqual(0, one.Alignment.Seen));
        var score = ScoreFile.Line(folder, result);
        var floor = ScoreFile.Find(Scores, folder);
        if (score == floor)
            return;
        var isHigher = floor is null || ScoreFile.Points(score).Zip(ScoreFile.Points(floor)).All(pair => pair.First >= pair.Second);
        Assert.True(isHigher, $"lower than {floor}: {Explain(result)}");
        Assert.True(ScoreFile.MayRaise, $"The score rose: write it down, {ScoreFile.RaiseVariable}=1 does. Was '{floor}', is '{score}'.");
        ScoreFile.Raise(Scores, folder, score);
    }

    /// <summary>With <c>ept=0</c> KVM takes back the CR3 that L2 loaded, and the guest ends; where it was captured it went on.</summary>
    [Theory]
    [InlineData("intel/shadow/nvmxnoept.4k", (byte)26)]
    [InlineData("intel/ept/nvmxnoept.4k", null)]
    public void A_real_guest_that_ended_before_the_captured_one_is_known_by_its_checkpoints(string folder, byte? last)
    {
        var conformanceCase = ConformanceCase.Load(Path.Combine(Data, folder)) with { UntilCheckpoint = null };
        using var capture = CaptureReader.Open(Path.Combine(Data, "nvmxnoept.capture"));
        var result = ConformanceReplay.Run(conformanceCase, CaseProgram.Read(conformanceCase.GuestPath), capture, TestContext.Current.CancellationToken);
        Assert.Equal((last is null, last), (result.IsComplete, result.EndedBehind));
    }

    [Fact]
    public void Every_mode_matches_completely() =>
        Assert.All(
            File.ReadLines(Scores),
            line => Assert.Matches("^(\\S+)( \\w+ (\\d+)/\\3\\+0){4}$", line));

    [Fact]
    public void There_are_cases_of_every_mode_and_host() => Assert.Equal(
        ["amd-6.12/npt", "amd-6.12/npt-tdp", "amd-6.12/shadow", "amd/npt", "amd/npt-tdp", "amd/shadow", "intel-noad/ept", "intel-noad/ept-tdp", "intel/ept", "intel/ept-tdp", "intel/shadow"],
        Cases.Select(row => Path.GetDirectoryName((string)row.Data)!.Replace('\\', '/')).Distinct().Order(StringComparer.Ordinal));

    private static string Explain(ConformanceResult result) =>
        string.Join(", ", result.Classes.Select(one => $"{one.Name} {one.Alignment.Matched} of {one.Alignment.Seen} +{one.Alignment.Extra}"))
        + $"; first: real '{result.FirstDivergence?.Observed?.Text}' (line {result.FirstDivergence?.Observed?.Source}), "
        + $"model '{result.FirstDivergence?.Model?.Text}' (ordinal {result.FirstDivergence?.Model?.Source})";
}
