using System.Text.Json;

namespace Replay.Cli.Tests;

/// <summary>KVM's tables for a guest's own guest (NPT02) beside the nested page tables that its hypervisor made (NPT12).</summary>
public sealed class NestedTreeTests : IDisposable
{
    /// <summary>L2 runs, and has run for a while.</summary>
    private const string At = "60000";

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task The_hypervisor_s_entry_stands_beside_KVM_s()
    {
        await Replay("nsvm", "npt-tdp");
        var text = await Tree("--guest", "L2", "--at", At, "--gpa", "0x800000");
        Assert.Contains("for L2 (NPT02)", text, StringComparison.Ordinal);
        Assert.Contains("beside it NPT12 PML4 at gpa 0x300000", text, StringComparison.Ordinal);
        Assert.Matches(@"PML4\[0\] .* \| NPT12 0x301027 \(rwxua-\)", text);
        Assert.Matches(@"PT\[0\] .*page pfn 0x101800 .* \| NPT12 0x18000[0-9a-f]{2}", text);
    }

    [Fact]
    public async Task L1_s_own_tables_have_nothing_beside_them_where_the_CPU_walks_its_page_tables()
    {
        await Replay("nsvm", "npt-tdp");
        var text = await Tree("--guest", "L1", "--at", At, "--depth", "0");
        Assert.DoesNotContain("beside", text, StringComparison.Ordinal);
        Assert.Contains("vCPU 0 had no root for L2", await Tree("--guest", "L2", "--at", "13"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task With_shadow_paging_each_guest_s_own_tables_stand_beside_their_shadows()
    {
        await Replay("nsvmnonpt", "shadow");
        Assert.Contains("beside it L2's table PML4", await Tree("--guest", "L2"), StringComparison.Ordinal);
        Assert.Contains("beside it L1's table PML4", await Tree("--guest", "L1"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Scripts_get_the_hypervisor_s_entries_too()
    {
        await Replay("nsvm", "npt-tdp");
        using var json = JsonDocument.Parse(await Tree("--guest", "L2", "--at", At, "--json"));
        var root = json.RootElement.GetProperty("root");
        Assert.Equal(("L2", "guest_mmu"), (root.GetProperty("guest").GetString(), root.GetProperty("mmu").GetString()));
        var shadows = root.GetProperty("shadows");
        Assert.Equal(("NPT12", "0x300", "0x301027"), (shadows.GetProperty("name").GetString(), shadows.GetProperty("gfn").GetString(), shadows.GetProperty("entries").GetProperty("0").GetString()));
    }

    [Fact]
    public async Task A_guest_that_is_none_and_an_address_of_the_wrong_kind_are_told()
    {
        await Replay("nsvm", "npt-tdp");
        var (exitCode, _, error) = await CommandRunner.Run("tree", _folder["x.db"], "--guest", "L3");
        Assert.Equal((ExitCode.Usage, true), (exitCode, error.Contains("L1 or L2", StringComparison.Ordinal)));
        (exitCode, _, error) = await CommandRunner.Run("tree", _folder["x.db"], "--guest", "L2", "--gva", "0x800000");
        Assert.Equal((ExitCode.Usage, true), (exitCode, error.Contains("@nested-mapping-at", StringComparison.Ordinal)));
    }

    private async Task Replay(string guest, string mode)
    {
        var (exitCode, _, error) = await CommandRunner.Run("run", Capture(guest), "--mmu", mode, "--host", "amd", "--kernel", "6.1", "-o", _folder["x.db"], "-q");
        Assert.True(exitCode == ExitCode.Done, error);
    }

    private async Task<string> Tree(params string[] arguments)
    {
        var (exitCode, text, error) = await CommandRunner.Run(["tree", _folder["x.db"], .. arguments]);
        Assert.True(exitCode == ExitCode.Done, error);
        return text;
    }

    private static string Capture(string guest) => Repository.Data("conformance", $"{guest}.capture");
}
