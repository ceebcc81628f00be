using System.Text.Json;

namespace Replay.Cli.Tests;

/// <summary>What a host may do to a VM, done to a Linux guest while it boots: the guest goes on as it was recorded.</summary>
public sealed class HostEventTests : IDisposable
{
    private const string Everything =
        """
        # logging as QEMU asks for it, and as it was
        {"at": 20000000, "op": "dirty_log_on", "gpa": "0x0", "manual": true}
        {"at": 40000000, "op": "dirty_log_read", "gpa": "0x0"}
        {"at": 42000000, "op": "dirty_log_clear", "gpa": "0x0", "size": "0x100000"}
        {"at": 60000000, "op": "dirty_log_off", "gpa": "0x0"}
        {"at": 60000200, "op": "dirty_log_on", "gpa": "0x100000"}
        {"at": 70000000, "op": "dirty_log_read", "gpa": "0x100000"}
        {"at": 80000000, "op": "dirty_log_off", "gpa": "0x100000"}
        {"at": 80000200, "op": "invalidate", "gpa": "0x100000", "size": "0x2000000"}
        {"at": 90000000, "op": "collapse", "gpa": "0x1000000"}
        {"at": 92000000, "op": "split", "gpa": "0x1000000"}
        {"at": 94000000, "op": "protect", "gpa": "0x1000000", "size": "0x200000"}
        {"at": 96000000, "op": "unprotect", "gpa": "0x1000000", "size": "0x200000"}
        {"at": 98000000, "op": "share", "gpa": "0x1400000"}
        {"at": 100000000, "op": "age", "gpa": "0x0", "size": "0x4000000"}
        {"at": 102000000, "op": "reclaim", "gpa": "0x0", "size": "0x4000000"}
        {"at": 104000000, "op": "nx_recovery"}
        {"at": 106000000, "op": "memslot", "slot": 200, "gpa": "0x100000000", "size": "0x200000"}
        {"at": 108000000, "op": "memslot", "slot": 200, "gpa": "0x120000000", "size": "0x200000"}
        {"at": 110000000, "op": "memslot", "slot": 200, "gpa": "0x120000000", "size": "0x200000", "logDirty": true}
        {"at": 112000000, "op": "memslot", "slot": 200, "size": 0}
        """;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("intel-broadwell", "ept", "ept-tdp", "shadow")]
    [InlineData("amd", "npt", "npt-tdp", "shadow")]
    public async Task Each_of_them_in_every_mode_leaves_the_translations_as_they_were(string host, params string[] modes)
    {
        await File.WriteAllTextAsync(_folder["host.jsonl"], Everything, TestContext.Current.CancellationToken);
        var capture = Path.Combine(AppContext.BaseDirectory, "samples", "linux-boot.capture");
        string[] arguments = ["verify", capture, "-q", "--json", "--host", host, "--module-param", "nx_huge_pages=Y", .. modes.SelectMany(static mode => (string[])["-m", mode])];

        var (exitCode, text, error) = await CommandRunner.Run([.. arguments, "--host-events", _folder["host.jsonl"]]);
        var (_, plain, _) = await CommandRunner.Run(arguments);

        Assert.True(exitCode == ExitCode.Done, error);
        Assert.DoesNotContain("never came", error, StringComparison.Ordinal);
        using var runs = JsonDocument.Parse(text);
        using var without = JsonDocument.Parse(plain);
        Assert.Equal(modes, runs.RootElement.EnumerateArray().Select(static run => run.GetProperty("mode").GetString()));
        foreach (var (run, before) in runs.RootElement.EnumerateArray().Zip(without.RootElement.EnumerateArray()))
        {
            Assert.True(run.GetProperty("translationsChecked").GetInt64() > 1_900_000);
            Assert.Equal(0, run.GetProperty("translationsDiffering").GetInt64());
            Assert.Equal(0, run.GetProperty("notes").GetProperty("event_not_modelled").GetInt64());
            Assert.True(run.GetProperty("faults").GetInt64() > before.GetProperty("faults").GetInt64());
        }
    }
}
