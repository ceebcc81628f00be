using System.Buffers.Binary;
using System.Text.Json;
using Replay.Trace;

namespace Replay.Cli.Tests;

/// <summary>A guest under QEMU recorded by the command line. Without QEMU or a compiler the tests are skipped, in CI they fail.</summary>
public sealed class RecordQemuTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_compact_recording_is_smaller_and_tells_the_same()
    {
        var hasty = await Record("hasty.capture");
        var compact = await Record("compact.capture", "--compact");

        Assert.True(compact * 3 < hasty * 2, $"{compact} bytes compact, {hasty} in haste");
        Assert.Equal(await Summary("hasty.capture"), await Summary("compact.capture"));
    }

    [Fact]
    public async Task A_guest_that_never_comes_to_the_start_leaves_no_silent_nothing()
    {
        var guest = Repository.Data("payloads", "nopg.elf");
        var (exitCode, _, error) = await CommandRunner.Run(
            "record", "qemu", "-o", _folder["x.capture"], "-q", "--start-at", "gpa:0x3f00000", "--",
            "-M", "pc", "-m", "64", "-display", "none", "-no-reboot", "-device", "isa-debug-exit,iobase=0xf4,iosize=0x04", "-kernel", guest);
        if (exitCode == ExitCode.Unavailable && Environment.GetEnvironmentVariable("CI") != "true")
            Assert.Skip(error);
        Assert.Contains("the guest never came to --start-at gpa:0x3f00000: nothing was recorded.", error, StringComparison.Ordinal);
    }

    /// <summary>The capture is whole and can be replayed; what ended it was not the guest, which the last line, the exit code and the manifest say.</summary>
    [Fact]
    public async Task A_QEMU_that_gives_up_is_told_and_leaves_a_capture_that_says_so()
    {
        var compiler = await CommandRunner.Run("record", "qemu", "-o", _folder["tried.capture"], "-q", "--max-accesses", "1000", "--", "-M", "pc", "-m", "64", "-display", "none");
        if (compiler.ExitCode == ExitCode.Unavailable && Environment.GetEnvironmentVariable("CI") != "true")
            Assert.Skip(compiler.Error);

        var (exitCode, _, error) = await CommandRunner.Run(
            "record", "qemu", "-o", _folder["x.capture"], "-q", "--", "-M", "pc", "-m", "64", "-display", "none", "-plugin", PluginThatGivesUp.Compile(_folder[""]));

        Assert.Equal(ExitCode.InputOutput, exitCode);
        Assert.EndsWith("replay record qemu: QEMU gave up by itself, with exit code 1: Bad icount read. The capture holds what the guest did up to there.", error.TrimEnd(), StringComparison.Ordinal);
        using (var reader = CaptureReader.Open(_folder["x.capture"]))
            Assert.Equal((true, "qemu-failed"), (reader.Manifest.Complete, reader.Manifest.EndReason));
        Assert.Equal(ExitCode.Done, (await CommandRunner.Run("verify", _folder["x.capture"], "-m", "ept", "-q")).ExitCode);
    }

    /// <summary>Guests whose state changes in every way that is followed, tables that become data, several vCPUs: what a filtered recording left out changed nothing.</summary>
    [Theory]
    [InlineData("task32", "")]
    [InlineData("release", "")]
    [InlineData("cr4gp", "-cpu max")]
    [InlineData("dimm", "-m 64,slots=2,maxmem=1G -object memory-backend-ram,id=dimm,size=128M -device pc-dimm,memdev=dimm")]
    [InlineData("init", "-smp 2", "--max-accesses", "1000000")] // all of it: see below
    [InlineData("smp", "-smp 2")]
    [InlineData("smp", "-smp 4 -M q35 -cpu max")]
    [InlineData("smm", "-machine smm=on")]
    public async Task Full_and_filtered_recordings_have_the_same_history_in_every_mode(string payload, string machine, params string[] options)
    {
        var full = await Histories(payload, machine, ["--rip", .. options]);
        var filtered = await Histories(payload, machine, ["--filter", "64", .. options]);

        Assert.Equal(5, full.Count);
        Assert.Equal(full, filtered);
    }

    /// <summary>
    /// QEMU's main loop carries a reset out, and how far the virtual clock comes meanwhile is not always the same: a wait of firmware for a timer then
    /// takes some rounds more or less. Recordings that came to as many accesses are of the same run.
    /// </summary>
    [Fact]
    public async Task Full_and_filtered_recordings_of_a_guest_that_starts_over_have_the_same_history_to_the_end()
    {
        var captures = new Dictionary<long, string>();
        for (var attempt = 0; attempt < 8; attempt++)
        {
            foreach (var (kind, option, value) in ((string, string, string?)[])[("full", "--rip", null), ("filtered", "--filter", "64")])
            {
                var name = $"{kind}{attempt}.capture";
                await RecordPayload(name, "init", "-smp 2", value is null ? [option] : [option, value]);
                var seen = Seen(name);
                Assert.InRange(seen, 3_200_000, 3_240_000);
                if (!captures.TryGetValue(seen, out var other))
                    captures.Add(seen, name);
                else if (!other.StartsWith(kind, StringComparison.Ordinal))
                {
                    Assert.Equal(await Replayed(other, "init"), await Replayed(name, "init"));
                    return;
                }
            }
        }

        Assert.Fail($"No full and filtered recording had as many accesses: {string.Join(", ", captures.Keys)}.");
    }

    /// <summary>A marker is a place for events of the host: nothing that they take away was dropped.</summary>
    [Fact]
    public async Task Full_and_filtered_recordings_have_the_same_history_with_host_events_at_markers()
    {
        await File.WriteAllTextAsync(
            _folder["host.jsonl"],
            """
            {"marker": 1, "op": "dirty_log_on", "gpa": "0x100000"}
            {"marker": 2, "op": "dirty_log_read", "gpa": "0x100000"}
            {"marker": 2, "op": "age", "gpa": "0x100000", "size": "0x2000000"}
            {"marker": 3, "nth": 1, "op": "invalidate", "gpa": "0x1800000", "size": "0x400000"}
            {"marker": 3, "op": "dirty_log_off", "gpa": "0x100000"}
            {"marker": 4, "op": "reclaim", "gpa": "0x1800000", "size": "0x400000"}
            """,
            TestContext.Current.CancellationToken);
        string[] hosts = ["--host-events", _folder["host.jsonl"]];

        var full = await Histories("rnd64s1", "", ["--rip", .. hosts]);
        var filtered = await Histories("rnd64s1", "", ["--filter", "64", .. hosts]);

        Assert.Equal(full, filtered);
        Assert.Empty(full.Intersect(await Histories("rnd64s1", "", ["--filter", "64"])));
    }

    /// <summary>What system management mode touches is another address space: it is counted, and told beside every verdict.</summary>
    [Fact]
    public async Task A_verdict_tells_of_system_management_mode()
    {
        await RecordPayload("smm.capture", "smm", "-machine smm=on", []);

        var (exitCode, output, error) = await CommandRunner.Run("verify", _folder["smm.capture"], "-q", "-m", "ept", "-m", "npt-tdp");

        Assert.True(exitCode == ExitCode.Done, output + error);
        Assert.Contains("1160 loads and stores in system management mode", output, StringComparison.Ordinal);
        Assert.Contains("8 of them, stores to page tables", output, StringComparison.Ordinal);
    }

    /// <summary>A nested guest gets to a device by its hypervisor's tables, read-only at last, and says VMRUN itself: both are its hypervisor's affair.</summary>
    [Fact]
    public async Task What_a_nested_guest_may_not_do_with_a_device_and_its_own_VMRUN_are_followed()
    {
        await RecordPayload("x.capture", "nsvmdev", "-cpu EPYC-v1", ["--filter", "64"]);

        var (exitCode, output, error) = await CommandRunner.Run("verify", _folder["x.capture"], "-q", "-m", "npt", "-m", "npt-tdp");

        Assert.True(exitCode == ExitCode.Done, output + error);
        Assert.Contains("npt-tdp: exact: ", output, StringComparison.Ordinal);
        Assert.Matches(@"#VMEXIT VMRUN +\| +4 \|", output);
        Assert.Matches(@"#VMEXIT NPF +\| +4 \|", output);
    }

    /// <returns>Mode, history and translations that differ, line by line; that a guest's system management mode stores to tables is no reason to differ under two-dimensional paging.</returns>
    private async Task<List<string>> Histories(string payload, string machine, string[] options)
    {
        await RecordPayload("x.capture", payload, machine, options);
        return await Replayed("x.capture", payload);
    }

    private async Task<List<string>> Replayed(string capture, string payload)
    {
        var (_, output, error) = await CommandRunner.Run("verify", _folder[capture], "-q", "--json", "-m", "ept", "-m", "ept-tdp", "-m", "npt", "-m", "npt-tdp", "-m", "shadow");
        Assert.True(output.Length > 0, error);
        using var runs = JsonDocument.Parse(output);
        foreach (var run in runs.RootElement.EnumerateArray().Where(run => payload != "smm" || run.GetProperty("mode").GetString() != "shadow"))
            Assert.Equal(0, run.GetProperty("translationsDiffering").GetInt64());
        return [.. runs.RootElement.EnumerateArray().Select(static run => $"{run.GetProperty("mode")} {run.GetProperty("historyHash")}")];
    }

    private long Seen(string capture)
    {
        using var reader = CaptureReader.Open(_folder[capture]);
        return reader.Manifest.AccessesSeen;
    }

    private async Task RecordPayload(string name, string payload, string machine, string[] options)
    {
        var elf = Repository.Data("payloads", $"{payload}.elf");
        var entry = BinaryPrimitives.ReadUInt32LittleEndian(File.ReadAllBytes(elf).AsSpan(24));
        var (exitCode, _, error) = await CommandRunner.Run(
            ["record", "qemu", "-o", _folder[name], "--force", "-q", "--start-at", $"gpa:0x{entry:x}", .. options, "--",
            "-M", "pc", "-m", "64", "-display", "none", "-device", "isa-debug-exit,iobase=0xf4", "-kernel", elf, .. machine.Split(' ', StringSplitOptions.RemoveEmptyEntries)]);
        if (exitCode == ExitCode.Unavailable && Environment.GetEnvironmentVariable("CI") != "true")
            Assert.Skip(error);
        Assert.True(exitCode == ExitCode.Done, error);
    }

    /// <returns>Bytes of the files of accesses.</returns>
    private async Task<long> Record(string name, params string[] options)
    {
        var (exitCode, _, error) = await CommandRunner.Run(
            ["record", "qemu", "-o", _folder[name], "--max-accesses", "3000000", "-q", .. options, "--", "-M", "pc", "-m", "64", "-display", "none"]);
        if (exitCode == ExitCode.Unavailable && Environment.GetEnvironmentVariable("CI") != "true")
            Assert.Skip(error);
        Assert.True(exitCode == ExitCode.Done, error);
        return new DirectoryInfo(_folder[name]).EnumerateFiles("accesses-*").Sum(static file => file.Length);
    }

    private async Task<string> Summary(string name)
    {
        var (exitCode, text, error) = await CommandRunner.Run("verify", _folder[name], "-m", "ept", "-m", "shadow", "-q");
        Assert.True(exitCode == ExitCode.Done, error);
        return text;
    }
}
