using Replay.Benchmarks;

namespace Replay.Analyzer.Tests;

/// <summary>Every benchmark runs, once and on next to nothing; what it measures then means nothing.</summary>
public sealed class BenchmarkTests
{
    /// <summary>For all of them: each takes what it knows.</summary>
    private static readonly string[] Tiny =
        ["--rounds", "1", "--rows", "20000", "--pages", "512", "--writes", "100000", "--accesses", "100000", "--every", "20000"];

    private static readonly string Capture = Path.Combine(Repository.Root, "src", "Cli", "samples", "linux-boot.capture");

    public static TheoryData<string> Names => [.. BenchmarkRunner.Names];

    [Theory]
    [MemberData(nameof(Names))]
    public void A_benchmark_prints_figures_of_a_capture(string name) => Run([name, .. Tiny, "--input", Capture]);

    [Theory]
    [InlineData("capture")]
    [InlineData("ingest")]
    public void A_benchmark_that_is_given_no_capture_makes_what_it_needs(string name) => Run([name, .. Tiny]);

    [Fact]
    public void A_benchmark_that_does_not_exist_is_answered_with_those_that_do()
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        Assert.Equal(2, BenchmarkRunner.Run(["no-such"], output, error));
        Assert.All(BenchmarkRunner.Names, name => Assert.Contains($"  {name} ", error.ToString(), StringComparison.Ordinal));
    }

    private static void Run(string[] arguments)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        var exitCode = BenchmarkRunner.Run(arguments, output, error);
        Assert.Equal("", error.ToString());
        Assert.Equal(0, exitCode);
        Assert.Matches("[1-9]", output.ToString());
        Assert.DoesNotContain("NaN", output.ToString(), StringComparison.Ordinal);
    }
}
