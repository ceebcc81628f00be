using System.Text.Json;

namespace Replay.Cli.Tests;

/// <summary>The kernel that no machine has any more: what it says of itself wherever it is told of, and its rows in the words of its source.</summary>
public sealed class FirstKernelTests : IDisposable
{
    private const string Caveat = "modelled from source, not checked against a machine";

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("ept-tdp", "3.6", "6.1, 6.12")]
    [InlineData("npt", "3.6", "6.1, 6.12")]
    [InlineData("npt-tdp", "3.6", "6.1, 6.12")]
    [InlineData("shadow", "3.6", "6.1, 6.12")]
    public async Task Modes_that_are_not_modelled_are_refused_with_what_to_do(string mode, string kernel, string others)
    {
        await Record();
        foreach (var verb in (string[][])[["run", _folder["g.capture"], "-o", _folder["x.db"]], ["verify", _folder["g.capture"]]])
        {
            var (exitCode, _, error) = await CommandRunner.Run([.. verb, "--mmu", mode, "--kernel", kernel]);
            Assert.Equal(ExitCode.Usage, exitCode);
            Assert.Contains($"--kernel {kernel}: mode {mode} is not modelled for it. Use --mmu ept with it, or --kernel {others}.", error, StringComparison.Ordinal);
            Assert.Single(error.TrimEnd().Split('\n'));
        }
    }

    [Fact]
    public async Task Every_report_says_what_no_machine_has_confirmed()
    {
        await Store();
        var database = _folder["x.db"];
        Assert.Contains($"* ept of Linux 3.6: {Caveat}", await Text("verify", _folder["g.capture"], "--mmu", "ept", "--kernel", "3.6"), StringComparison.Ordinal);
        Assert.Contains($"KVM of Linux 3.6.0: {Caveat}", await Text("info", database), StringComparison.Ordinal);
        Assert.Contains($"! ept of Linux 3.6.0: {Caveat}.", await Text("diff", database, "ept@3.6", "ept@6.12"), StringComparison.Ordinal);
        Assert.Contains($"\"kernelCaveat\": \"{Caveat}\"", await Text("diff", database, "ept@3.6", "ept@6.1", "--json"), StringComparison.Ordinal);
        Assert.Contains($"\"kernelCaveat\": \"{Caveat}\"", await Text("info", database, "--json"), StringComparison.Ordinal);
        await Text("diff", database, "ept@3.6", "ept@6.1", "--html", _folder["d.html"]);
        Assert.Contains($"3.6.0 ({Caveat})", await File.ReadAllTextAsync(_folder["d.html"], TestContext.Current.CancellationToken), StringComparison.Ordinal);

        using var runs = JsonDocument.Parse(await Text("verify", _folder["g.capture"], "--mmu", "ept", "--kernel", "3.6", "--kernel", "6.1", "--json"));
        Assert.Equal([Caveat, null], runs.RootElement.EnumerateArray().Select(run => run.GetProperty("kernelCaveat").GetString()));
        Assert.All(runs.RootElement.EnumerateArray(), run => Assert.Equal(0, run.GetProperty("translationsDiffering").GetInt64()));
    }

    [Fact]
    public async Task Rows_have_the_functions_the_bits_and_the_tracepoints_of_its_source()
    {
        await Store();
        Assert.Equal(
            [
                "__direct_map|4|rwx-a-",
                "__direct_map|3|rwx-a-",
                "__direct_map|2|rwx-a-",
                "mmu_set_spte|1|rwx-a-",
            ],
            await Rows("select function || '|' || level || '|' || new_rights from table_write where run = 1 order by seq limit 4"));
        Assert.Equal(
            ["handle_ept_violation > kvm_mmu_page_fault > tdp_page_fault > __direct_map > mmu_set_spte"],
            await Rows("select distinct chain from table_write where run = 1 and function = 'mmu_set_spte' and chain not like '%prefetch%'"));
        Assert.Equal(
            ["1|1||page"],
            await Rows("select distinct new_host_writable || '|' || new_mmu_writable || '|' || ifnull(new_mmio_generation, '') || '|' || new_kind from table_write_bits where run = 1 and level = 1 and new_kind = 'page'"));
        Assert.Equal(
            ["kvm_mmu_get_page: sp gfn 0 4 q0 direct wux !nxe root 0 sync new"],
            await Rows("select tracepoint_line from page_operation where run = 1 and operation = 'create' and level = 4 order by seq limit 1"));
        Assert.Equal(["tdp_page_fault"], await Rows("select distinct handler from fault where run = 1 and error_code & 8 = 0"));
    }

    private async Task Store()
    {
        await Record();
        await Text("run", _folder["g.capture"], "--mmu", "ept", "--kernel", "3.6", "--kernel", "6.1", "--kernel", "6.12", "-o", _folder["x.db"], "-q");
    }

    private async Task Record()
    {
        if (!Directory.Exists(_folder["g.capture"]))
            await Text("record", "synthetic", "-o", _folder["g.capture"], "--workload", "context-switch-storm", "--max-accesses", "20000", "-q");
    }

    private async Task<string[]> Rows(string sql) =>
        [.. (await Text("query", _folder["x.db"], sql, "--format", "csv")).ReplaceLineEndings("\n").TrimEnd().Split('\n').Skip(1).Select(line => line.Trim('"'))];

    private static async Task<string> Text(params string[] arguments)
    {
        var (exitCode, text, error) = await CommandRunner.Run(arguments);
        Assert.True(exitCode == ExitCode.Done || (arguments[0] == "diff" && exitCode == ExitCode.Different), $"{string.Join(' ', arguments)}: {exitCode}: {error}");
        return text;
    }
}
