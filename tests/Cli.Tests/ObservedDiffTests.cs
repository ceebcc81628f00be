using System.Text.Json;

namespace Replay.Cli.Tests;

/// <summary>What a real KVM did, held against a replay of the same guest, through the command line alone.</summary>
public sealed class ObservedDiffTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("intel-ept-tdp-mmio.4k", "ept-tdp")]
    [InlineData("amd-shadow-mmio.4k", "shadow")]
    public async Task Every_exit_and_write_that_the_trace_shows_is_replayed_in_order(string trace, string mode)
    {
        await Import(trace, mode, "mmio", "4k");
        var (exitCode, text, error) = await CommandRunner.Run("diff", _folder["x.db"], "kvm", mode, "--json");
        Assert.True(exitCode is ExitCode.Done or ExitCode.Different, error);
        using var diff = JsonDocument.Parse(text);
        Assert.Equal("sequence", diff.RootElement.GetProperty("alignedBy").GetString());
        foreach (var kind in (string[])["exits", "writes"])
        {
            var totals = diff.RootElement.GetProperty(kind);
            Assert.InRange(totals.GetProperty("a").GetInt64(), 50, long.MaxValue);
            Assert.Equal((kind, totals.GetProperty("a").GetInt64()), (kind, totals.GetProperty("alike").GetInt64()));
        }
    }

    [Fact]
    public async Task Writes_are_counted_under_the_function_that_both_sides_name()
    {
        await Import("amd-shadow-mmio.4k", "shadow", "mmio", "4k");
        var (_, text, _) = await CommandRunner.Run("diff", _folder["x.db"], "kvm", "shadow", "--json");
        using var diff = JsonDocument.Parse(text);
        var sorts = diff.RootElement.GetProperty("writes").GetProperty("sorts").EnumerateArray().ToList();
        // The CPU's own writes and those of PAE roots show in no trace; all others stand under one name on both sides.
        Assert.All(sorts.Where(sort => !sort.GetProperty("name").GetString()!.EndsWith("hardware", StringComparison.Ordinal) && sort.GetProperty("a").GetInt64() > 0), sort =>
            Assert.Equal((sort.GetProperty("name").GetString(), sort.GetProperty("a").GetInt64()), (sort.GetProperty("name").GetString(), sort.GetProperty("b").GetInt64())));
        Assert.Contains(sorts, sort => sort.GetProperty("name").GetString() == "PT rmap_write_protect");
        var leaves = diff.RootElement.GetProperty("writes").GetProperty("sorts").EnumerateArray().Single(sort => sort.GetProperty("name").GetString() == "PT mmu_set_spte");
        Assert.InRange(leaves.GetProperty("a").GetInt64(), 50, long.MaxValue);
        Assert.Equal(leaves.GetProperty("a").GetInt64(), leaves.GetProperty("b").GetInt64());
    }

    [Fact]
    public async Task Where_another_mode_parts_from_it_is_told_by_an_event_of_each_side()
    {
        await Import("intel-ept-nopg.thp", "ept-tdp", "nopg", "thp");
        var (exitCode, text, _) = await CommandRunner.Run("diff", _folder["x.db"], "kvm", "ept-tdp");
        Assert.Equal(ExitCode.Different, exitCode);
        foreach (var line in (string[])["shares no ordinals", "does not show", "the end of the VM", "aligned by order alone", "Not known: a trace shows no page walks", "First unlike  event", " of B"])
            Assert.Contains(line, text, StringComparison.Ordinal);
        Assert.DoesNotContain("page walks (TLB misses)", text, StringComparison.Ordinal);
    }

    /// <summary>The page once told costs of a side that has no walks, and an event with the number 2^63 - 1 for the end of a side.</summary>
    [Fact]
    public async Task The_page_and_the_JSON_say_nothing_that_a_trace_cannot_show()
    {
        await Import("intel-ept-tdp-mmio.4k", "ept-tdp", "mmio", "4k");
        var (exitCode, text, error) = await CommandRunner.Run("diff", _folder["x.db"], "ept-tdp", "kvm", "--html", _folder["x.html"], "--json");
        Assert.True(exitCode == ExitCode.Different, error);
        var page = await File.ReadAllTextAsync(_folder["x.html"], TestContext.Current.CancellationToken);
        foreach (var absent in (string[])["9,223,372", "Page walks", "<h2>Cost</h2>", "A is cheaper", "entries read a page walk", "faults that reach the guest", "at the same event"])
            Assert.DoesNotContain(absent, page, StringComparison.Ordinal);
        foreach (var present in (string[])["VM exits by reason", "aligned in order", "Not known: a trace shows no page walks.", "Not known: a trace shows no translations."])
            Assert.Contains(present, page, StringComparison.Ordinal);
        Assert.DoesNotContain("9223372036854775807", text, StringComparison.Ordinal);
        using var diff = JsonDocument.Parse(text);
        Assert.True(diff.RootElement.GetProperty("firstDivergence").TryGetProperty("ordinalB", out _));
    }

    private async Task Import(string trace, string mode, string guest, string hostPages)
    {
        var data = Repository.Data();
        var host = trace.StartsWith("amd", StringComparison.Ordinal) ? "amd-tcg" : "intel-bochs";
        foreach (var words in (string[][])
        [
            ["import", "ftrace", Path.Combine(data, "ftrace", $"{trace}.trace.gz"), "--db", _folder["x.db"], "--name", "kvm", "-q"],
            ["run", Path.Combine(data, "conformance", $"{guest}.capture"), "-m", mode, "--kernel", "6.1", "--host", host, "--host-pages", hostPages, "--append", "-o", _folder["x.db"], "-q"],
        ])
        {
            var (exitCode, _, error) = await CommandRunner.Run(words);
            Assert.True(exitCode == ExitCode.Done, error);
        }
    }
}
