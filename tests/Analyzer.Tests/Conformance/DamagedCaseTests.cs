using Replay.Analyzer.Conformance;

namespace Replay.Analyzer.Tests.Conformance;

/// <summary>A case that somebody damaged is refused by its file's name.</summary>
public sealed class DamagedCaseTests : IDisposable
{
    private readonly TempDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData("\"0x10000c\"", "\"\"")]
    [InlineData("\"0x10000c\"", "\"0x\"")]
    [InlineData("\"0x10000c\"", "\"-1\"")]
    [InlineData("\"0x10000c\"", "1")]
    [InlineData("\"../../../../payloads/lm4k.elf\"", "\"a\\u0000b\"")]
    [InlineData("\"../../../../payloads/lm4k.elf\"", "null")]
    [InlineData("67108864", "-1")]
    [InlineData("\"ept-tdp\"", "\"no mode\"")]
    [InlineData("{", "[")]
    public void A_value_that_is_none_is_told_of_with_the_file(string before, string after)
    {
        var whole = File.ReadAllText(Repository.Data("conformance", "intel-noad", "ept-tdp", "lm4k.4k", "case.json"));
        var damaged = whole.Replace(before, after, StringComparison.Ordinal);
        Assert.NotEqual(whole, damaged);
        var path = _directory.File("case.json");
        File.WriteAllText(path, damaged);
        var refusal = Assert.Throws<ConformanceCaseException>(() => ConformanceCase.Load(Path.GetDirectoryName(path)!));
        Assert.Contains(path, refusal.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', refusal.Message);
    }
}
