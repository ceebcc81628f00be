using Replay.Benchmarks;

namespace Replay.Analyzer.Tests;

/// <summary>Every benchmark runs, once and on next to nothing; what it measures then means nothing.</summary>
public sealed class BenchmarkTests
{
    /// <summary>For all of them: each is given what it knows.</summary>
    private static readonly (string Option, string Value)[] Tiny =
        [("--rounds", "1"), ("--rows", "20000"), ("--pages", "512"), ("--writes", "100000"), ("--accesses", "100000"), ("--every", "20000"), ("--input", Capture)];

    private static string Capture => Repository.PathOf("src", "Cli", "samples", "linux-boot.capture");

    public static TheoryData<string> Names => [.. BenchmarkRunner.Names];

    [Theory]
    [MemberData(nameof(Names))]
    public void A_benchmark_prints_figures_of_a_capture(string name) => Run([name, .. Known(name)]);

    [Theory]
    [InlineData("capture")]
    [InlineData("ingest")]
    public void A_benchmark_that_is_given_no_capture_makes_what_it_needs(string name) => Run([name, .. Known(name, "--input")]);

    [Fact]
    public void A_benchmark_that_does_not_exist_is_answered_with_those_that_do()
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        Assert.Equal(2, BenchmarkRunner.Run(["no-such"], output, error));
        Assert.All(BenchmarkRunner.Names, name => Assert.Contains($"  {name} ", error.ToString(), StringComparison.Ordinal));
    }

    [Fact]
    public void An_option_that_a_benchmark_does_not_have_is_refused()
    {
        using var error = new StringWriter();
        Assert.Equal(2, BenchmarkRunner.Run(["diff", "--nonsense", "1"], TextWriter.Null, error));
        Assert.StartsWith("diff: --nonsense: no option of this benchmark", error.ToString(), StringComparison.Ordinal);
    }

    private static IEnumerable<string> Known(string name, string? without = null)
    {
        var known = BenchmarkRunner.OptionsOf(name);
        return Tiny.Where(pair => known.Contains(pair.Option) && pair.Option != without).SelectMany(pair => new[] { pair.Option, pair.Value });
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
