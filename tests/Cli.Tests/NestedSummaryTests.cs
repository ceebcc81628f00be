using System.Text.Json;
using Replay.Cli.Commands;
using Replay.Trace;

namespace Replay.Cli.Tests;

/// <summary>What a guest's own guests did stands in the summaries of a capture and of its runs, and in those of no other.</summary>
public sealed class NestedSummaryTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_capture_tells_its_VMRUNs_its_exits_by_code_and_L2_s_accesses()
    {
        var (_, text, _) = await CommandRunner.Run("info", Capture("nsvm"));
        Assert.Contains("95 VMRUNs with nested page tables, 4,948 accesses of L2; #VMEXIT VMMCALL 46, NPF 43, PF 5, HLT 1", text, StringComparison.Ordinal);
        var (_, json, _) = await CommandRunner.Run("info", Capture("nsvmnonpt"), "--json");
        using var document = JsonDocument.Parse(json);
        var nested = document.RootElement.GetProperty("nested");
        Assert.Equal(330, nested.GetProperty("vmruns").GetInt64());
        Assert.Equal(0, nested.GetProperty("vmrunsWithNestedPaging").GetInt64());
        Assert.Equal(330, nested.GetProperty("vmexits").EnumerateObject().Sum(code => code.Value.GetInt64()));
        (_, text, _) = await CommandRunner.Run("info", Capture("lm4k"));
        Assert.DoesNotContain("VMRUN", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_run_has_the_names_of_VMX_where_the_guest_s_guest_is_under_VMX()
    {
        var database = _folder["x.db"];
        Assert.Equal(0, (await CommandRunner.Run("run", Capture("nvmx"), "-m", "ept", "--host", "intel-bochs", "--kernel", "6.1", "-o", database, "-q")).ExitCode);
        var (_, text, _) = await CommandRunner.Run("query", database, "select code, code_name from guest_state where cause = 'vmexit' group by 1, 2 order by 1", "--format", "csv");
        var rows = text.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)[1..];
        Assert.Contains("48,EPT_VIOLATION", rows);
        Assert.Contains("49,EPT_MISCONFIG", rows);
        Assert.All(rows, row => Assert.Equal(row.Split(',')[1], Trace.Tracepoints.ExitReasons.NestedName(ulong.Parse(row.Split(',')[0], System.Globalization.CultureInfo.InvariantCulture), isVmx: true)));
    }

    [Fact]
    public void Under_VMX_ways_in_and_exits_have_the_names_of_VMX()
    {
        var figures = new NestedFigures();
        figures.Count(
        [
            new TraceEvent { Ordinal = 0, Kind = TraceEventKind.NestedEnter, Detail = EventDetail.Write(new NestedEntry { Vmx = true, NestedControl = 1 }) },
            new TraceEvent { Ordinal = 1, Kind = TraceEventKind.NestedExit, Value = 48 },
        ]);

        Assert.Equal("1 VM entry with extended page tables, 0 accesses of L2; VM exit EPT_VIOLATION 1", NestedReport.Line(figures));
    }

    [Fact]
    public async Task A_run_tells_what_the_model_made_for_L2()
    {
        var (_, text, _) = await CommandRunner.Run("run", Capture("nsvm"), "--mmu", "npt-tdp", "--host", "amd", "--kernel", "6.1", "-o", _folder["x.db"], "-q");
        Assert.Matches(@"VMRUNs into L2 +\| +95 \|", text);
        Assert.Matches(@"#VMEXIT NPF +\| +43 \|", text);
        Assert.Matches(@"handed to L1 +\| +95 \|", text);
        (_, text, _) = await CommandRunner.Run("info", _folder["x.db"]);
        Assert.Contains("nested    95 VMRUNs into L2, 406 exits of L2, of them 95 handed to L1 (VMMCALL 46, NPF 43, PF 5, HLT 1)", text, StringComparison.Ordinal);
        var (_, json, _) = await CommandRunner.Run("run", Capture("lm4k"), "--mmu", "npt-tdp", "--json", "-o", _folder["y.db"], "-q");
        using var document = JsonDocument.Parse(json);
        Assert.False(document.RootElement[0].TryGetProperty("nested", out _));
    }

    [Fact]
    public async Task Shadow_paging_runs_on_a_host_that_offers_the_guest_what_its_guests_need()
    {
        var (exitCode, text, error) = await CommandRunner.Run("verify", Capture("nsvmnonpt"), "-m", "shadow", "-q");
        Assert.Equal((ExitCode.Done, ""), (exitCode, error));
        Assert.Contains("shadow: the host is amd, as the guest runs guests of its own by VMRUN (--host names another)", text, StringComparison.Ordinal);
        Assert.Contains("shadow: exact: ", text, StringComparison.Ordinal);
        Assert.Matches(@"VMRUNs into L2 +\| +330 \|", text);

        // The choice is the run's: it is replayed again on the same host.
        await CommandRunner.Run("run", Capture("nsvmnonpt"), "-m", "shadow", "-o", _folder["x.db"], "-q");
        (_, text, _) = await CommandRunner.Run("query", _folder["x.db"], "select profile from run", "--format", "csv");
        Assert.Contains("amd", text, StringComparison.Ordinal);
        (exitCode, _, _) = await CommandRunner.Run("verify", _folder["x.db"], "-q");
        Assert.Equal(ExitCode.Done, exitCode);

        // A guest without guests of its own runs where it did.
        (_, text, _) = await CommandRunner.Run("verify", Capture("lm4k"), "-m", "shadow", "-q", "--json");
        using var json = JsonDocument.Parse(text);
        Assert.Equal("intel", json.RootElement[0].GetProperty("profile").GetString());
    }

    [Theory]
    [InlineData("nsvmnonpt", new[] { "-m", "shadow", "--host", "intel" }, "by VMRUN, which an Intel host offers no guest; on an AMD host (npt, npt-tdp, or shadow with --host amd) it is followed")]
    [InlineData("nsvmnonpt", new[] { "-m", "ept" }, "by VMRUN, which an Intel host offers no guest; on an AMD host (npt, npt-tdp, or shadow with --host amd) it is followed")]
    [InlineData("nsvm", new[] { "-m", "shadow" }, "with nested page tables, which KVM offers no guest under shadow paging")]
    public async Task Where_a_nested_guest_cannot_run_there_is_no_verdict_and_the_reason_is_told(string guest, string[] options, string reason)
    {
        var (exitCode, text, error) = await CommandRunner.Run(["verify", Capture(guest), "-q", .. options]);
        Assert.Equal(ExitCode.Different, exitCode);
        Assert.Contains($": no verdict: a nested guest is entered, {reason}: all that it did is passed over", text, StringComparison.Ordinal);
        Assert.Contains("nested_not_followed (", error, StringComparison.Ordinal);
        Assert.Contains(reason, error, StringComparison.Ordinal);
    }

    private static string Capture(string guest) => Repository.Data("conformance", $"{guest}.capture");
}
