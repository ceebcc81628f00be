using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Replay.Cli.Tests.Ftrace;

/// <summary>Questions about traces that a plausible import would answer wrongly.</summary>
public sealed class WrongAnswerTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("EXIT_NPF", "npt", "NPF")]
    [InlineData("npf", "npt", "NPF")]
    [InlineData("EXIT_WRITE_CR3", "shadow", "CR3_WRITE")]
    [InlineData("EPT_VIOLATION", "ept", "EPT_VIOLATION")]
    [InlineData("EPT_VIOLATION FAILED_VMENTRY", "ept", "EPT_VIOLATION")]
    public async Task Exits_are_known_under_the_names_of_the_kernel_and_of_the_plugin(string reason, string mode, string row)
    {
        await Import($"kvm_exit: reason {reason} rip 0x1000 info 100000014 1000", "kvm_entry: vcpu 0", options: ["--mmu", mode, .. mode == "shadow" ? (string[])["--host", "amd"] : []]);
        Assert.Equal([[row]], await Query("select reason from vm_exit"));
    }

    /// <summary>People trim lines: the exit counts, and what was cut away is not known, which is not 0.</summary>
    [Fact]
    public async Task An_exit_whose_line_was_trimmed_is_an_exit()
    {
        await Import(
            ["kvm_exit: reason EPT_VIOLATION", "kvm_page_fault: address 1000 error_code 182", "kvm_entry: vcpu 0", "kvm_exit: reason EPT_VIOLATION rip 0x10", "kvm_entry: vcpu 0"],
            options: ["--mmu", "ept"]);
        Assert.Equal([["EPT_VIOLATION", "", "", "", "", ""], ["EPT_VIOLATION", "", "", "", "", "16"]], await Query("select reason, info1, info1_hex, access, final, rip from vm_exit order by ordinal"));
        Assert.Equal([["4096", ""]], await Query("select address, rip from fault"));
        Assert.Equal([["#0 EPT_VIOLATION info1 ? info2 0x1000"], ["#1 EPT_VIOLATION info1 ? info2 ?"]], await Query("select text from event where kind = 'exit' order by ordinal"));
    }

    [Fact]
    public async Task What_a_line_says_of_its_frame_is_kept_also_where_the_table_is_older_than_the_trace()
    {
        await Import("kvm_exit: vcpu 0 reason EPT_VIOLATION rip 0x1 info1 0x181 info2 0x0 intr_info 0x0 error_code 0x0", "kvm_tdp_mmu_spte_changed: as id 0 gfn 99 level 1 old_spte 600000455299b77 new_spte 5a0");
        Assert.Equal([["0x99", "1", "kvm_tdp_mmu_spte_changed: as id 0 gfn 99 level 1 old_spte 600000455299b77 new_spte 5a0"]], await Query("select printf('0x%x', gfn), level, tracepoint_line from table_write"));
        Assert.Single(await Canned("@writes-to-range", "-p", "from=0x99000", "-p", "to=0x99fff"));
        Assert.Single(await Canned("@why-gfn", "-p", "gfn=0x99"));
        Assert.Single(await Canned("@hot-gfns"));
    }

    [Fact]
    public async Task A_page_that_faults_is_mapped_and_is_zapped_again_and_again_is_a_refault_storm_without_probes()
    {
        var lines = new List<string>();
        for (var i = 0; i < 50; i++)
        {
            lines.AddRange(Fault("0x99000"));
            lines.AddRange(
                "kvm_mmu_spte_requested: gfn 99 pfn 455299 level 1",
                "kvm_tdp_mmu_spte_changed: as id 0 gfn 99 level 1 old_spte 0 new_spte 600000455299b77",
                "kvm_entry: vcpu 0, rip 0x1",
                "kvm_unmap_hva_range: mmu notifier unmap range: 0x7f0000099000 -- 0x7f000009a000",
                "kvm_tdp_mmu_spte_changed: as id 0 gfn 99 level 1 old_spte 600000455299b77 new_spte 0");
        }

        await Import([.. lines], options: []);
        var storm = Assert.Single(await Canned("@refault-storms"));
        Assert.Equal(["0x99000", "50", "49"], storm[..3]);
        Assert.Equal([["derived"]], await Query("select shown from capability where fact = 'fault.outcome'"));
    }

    [Theory]
    [InlineData("fixed", "kvm_mmu_spte_requested: gfn 99 pfn 455299 level 1", "kvm_tdp_mmu_spte_changed: as id 0 gfn 99 level 1 old_spte 0 new_spte 600000455299b77", "kvm_mmu_set_spte: gfn 99 spte 600000455299b77 (rwxu) level 1 at 1234c8", "kvm_entry: vcpu 0, rip 0x1")]
    [InlineData("spurious", "kvm_mmu_spte_requested: gfn 99 pfn 455299 level 1", "kvm_mmu_set_spte: gfn 99 spte 600000455299b77 (rwxu) level 1 at 1234c8", "kvm_entry: vcpu 0, rip 0x1")]
    [InlineData("retry", "kvm_mmu_spte_requested: gfn 99 pfn 455299 level 1", "kvm_entry: vcpu 0, rip 0x1")]
    [InlineData("retry", "kvm_entry: vcpu 0, rip 0x1")]
    [InlineData("failed", "kvm_userspace_exit: reason error (14)")]
    [InlineData("emulate", "kvm_emulate_insn: 0:1: 00", "kvm_userspace_exit: reason KVM_EXIT_MMIO (6)")]
    [InlineData("", "CPU:0 [LOST 3 EVENTS]", "kvm_entry: vcpu 0, rip 0x1")]
    public async Task How_a_fault_ended_follows_from_what_comes_after_it(string outcome, params string[] after)
    {
        await Import([.. Fault("0x99000"), .. after, .. Fault("0xaa000"), "kvm_mmu_spte_requested: gfn aa pfn 1 level 1", "kvm_tdp_mmu_spte_changed: as id 0 gfn aa level 1 old_spte 0 new_spte 600000000001b77"], options: []);
        Assert.Equal([outcome], (await Query("select outcome from fault order by fault_id limit 1"))[0]);
    }

    [Fact]
    public async Task Without_events_of_the_MMU_nothing_is_said_of_how_faults_ended()
    {
        await Import([.. Fault("0x99000"), "kvm_entry: vcpu 0, rip 0x1", .. Fault("0xaa000"), "kvm_entry: vcpu 0, rip 0x1"], options: []);
        Assert.Equal([[""], [""]], await Query("select outcome from fault"));
    }

    [Fact]
    public async Task A_fault_of_a_nested_guest_is_marked_and_has_no_handler()
    {
        await Import(
            [
                .. Fault("0x99000"), "kvm_entry: vcpu 0, rip 0x1",
                "kvm_exit: vcpu 0 reason EPT_VIOLATION rip 0x1 info1 0x181 info2 0x0 intr_info 0x0 error_code 0x0",
                "kvm_nested_vmexit: vcpu 0 reason EPT_VIOLATION rip 0x1 info1 0x181 info2 0x0 intr_info 0x0 error_code 0x0",
                "kvm_page_fault: vcpu 0 rip 0x1 address 0x0000000000400000 error_code 0x181",
                "kvm_mmu_get_page: sp gen 0 gfn 1400 l1 8-byte q0 wux nxe ad root 0 sync new",
                "kvm_mmu_set_spte: gfn 1999 spte 600000455299b77 (rwxu) level 1 at 77000",
                "kvm_entry: vcpu 0, rip 0x1",
                .. Fault("0x98000"), "kvm_entry: vcpu 0, rip 0x1",
            ],
            options: []);
        Assert.Equal(
            [["0x99000", "0", "kvm_tdp_page_fault"], ["0x400000", "1", ""], ["0x98000", "0", "kvm_tdp_page_fault"]],
            await Query("select address_hex, nested, handler from fault order by fault_id"));
    }

    [Fact]
    public async Task Two_VMs_in_one_trace_are_two_runs_and_the_host_s_threads_change_the_one_whose_entry_it_is()
    {
        var text = new StringBuilder();
        foreach (var (process, pfn) in ((int, string)[])[(70, "111"), (90, "222")])
        {
            var thread = process + 1;
            text.Append(CultureInfo.InvariantCulture, $" q-{thread} ( {process}) [000] ..... 1.0: kvm_entry: vcpu 0, rip 0x1\n");
            foreach (var line in (string[])[.. Fault("0x99000"), $"kvm_tdp_mmu_spte_changed: as id 0 gfn 99 level 1 old_spte 0 new_spte 600000000{pfn}b77", "kvm_entry: vcpu 0, rip 0x1"])
                text.Append(CultureInfo.InvariantCulture, $" q-{thread} ( {process}) [000] ..... 1.0: {line}\n");
        }

        text.Append(" kswapd0-40 (  40) [000] ..... 2.0: kvm_tdp_mmu_spte_changed: as id 0 gfn 99 level 1 old_spte 600000000222b77 new_spte 0\n");
        File.WriteAllText(_folder["two.txt"], text.ToString());
        var (exitCode, _, error) = await CommandRunner.Run("import", "ftrace", _folder["two.txt"], "--db", _folder["t.db"]);
        Assert.True(exitCode == ExitCode.Done, error);
        Assert.Contains("2 VMs, a run of each: 70, 90", error, StringComparison.Ordinal);
        Assert.Equal([["observed-70", "1"], ["observed-90", "2"]], await Query("select name, (select count(*) from table_write as w where w.run = run.run) from run order by run"));
        Assert.Equal([["2", "kswapd0"]], await Query("select run, task from table_write join observed_event using (run, ordinal) where new = 0"));
        Assert.Equal(ExitCode.Done, (await CommandRunner.Run("verify", _folder["t.db"], "-q")).ExitCode);
    }

    [Fact]
    public async Task A_guest_s_thread_with_a_host_s_number_is_another_thread()
    {
        string[] lines =
        [
            " host.dat:  q-71 [000] 1.0: kvm_entry: vcpu 0, rip 0x1", .. Fault("0x99000").Select(line => $" host.dat:  q-71 [000] 1.0: {line}"),
            " guest.dat:  bash-71 [000] 1.1: kvm_tdp_mmu_spte_changed: as id 0 gfn 5 level 1 old_spte 0 new_spte 600000000111b77",
            " host.dat:  q-71 [000] 1.2: kvm_tdp_mmu_spte_changed: as id 0 gfn 99 level 1 old_spte 0 new_spte 600000000222b77",
        ];
        File.WriteAllText(_folder["m.txt"], string.Join('\n', lines) + "\n");
        var (exitCode, _, error) = await CommandRunner.Run("import", "ftrace", _folder["m.txt"], "--db", _folder["t.db"]);
        Assert.True(exitCode == ExitCode.Done, error);
        Assert.Equal([["guest.dat: bash", ""], ["host.dat: q", "0"]], await Query("select task, fault_id from table_write join observed_event using (run, ordinal) order by ordinal"));
    }

    [Fact]
    public async Task The_kernel_of_a_run_follows_from_its_events()
    {
        await Import(["kvm_exit: reason EPT_VIOLATION rip 0x1 info 181 0", "kvm_tdp_mmu_spte_changed: as id 0 gfn 99 level 1 old_spte 0 new_spte 600000455299b77"], options: []);
        Assert.Equal([["5.12 or later"]], await Query("select kernel from run"));
    }

    [Fact]
    public async Task Both_readings_are_named_where_the_trace_does_not_decide()
    {
        File.WriteAllText(_folder["u.txt"], " q-71 [000] ..... 1.0: kvm_mmu_set_spte: gfn 100 spte 86000000d701e67 (rwxu) level 1 at ab36800\n");
        var (exitCode, _, error) = await CommandRunner.Run("import", "ftrace", _folder["u.txt"], "--db", _folder["t.db"]);
        Assert.Equal(ExitCode.Usage, exitCode);
        Assert.Contains("--mmu npt", error, StringComparison.Ordinal);
        Assert.Contains("--mmu shadow", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_stack_trace_is_the_chain_of_its_event()
    {
        File.WriteAllText(
            _folder["s.txt"],
            """
             q-71 [000] ..... 1.0: kvm_exit: vcpu 0 reason EPT_VIOLATION rip 0x1 info1 0x181 info2 0x0 intr_info 0x0 error_code 0x0
             q-71 [000] ..... 1.0: kvm_tdp_mmu_spte_changed: as id 0 gfn 99 level 1 old_spte 0 new_spte 600000455299b77
             q-71 [000] ..... 1.0: <stack trace>
             => kvm_tdp_mmu_map
             => direct_page_fault
             => kvm_mmu_page_fault
             => vmx_handle_exit
             q-71 [000] ..... 1.0: kvm_entry: vcpu 0, rip 0x1

            """);
        var (exitCode, _, error) = await CommandRunner.Run("import", "ftrace", _folder["s.txt"], "--db", _folder["t.db"]);
        Assert.True(exitCode == ExitCode.Done, error);
        Assert.Contains("1 with a stack trace", error, StringComparison.Ordinal);
        Assert.Equal([["kvm_mmu_page_fault > direct_page_fault > kvm_tdp_mmu_map > __handle_changed_spte"]], await Query("select chain from table_write"));
    }

    private static string[] Fault(string address) =>
    [
        "kvm_exit: vcpu 0 reason EPT_VIOLATION rip 0x1 info1 0x181 info2 0x0 intr_info 0x0 error_code 0x0",
        $"kvm_page_fault: vcpu 0 rip 0x1 address {address} error_code 0x181",
    ];

    private Task Import(string first, string second, string[]? options = null) => Import([first, second], options ?? []);

    private async Task Import(string[] lines, string[] options)
    {
        File.WriteAllText(_folder["t.txt"], string.Concat(lines.Select(line => line.StartsWith("CPU:", StringComparison.Ordinal) ? $"{line}\n" : $" q-71 [000] ..... 1.0: {line}\n")));
        var (exitCode, _, error) = await CommandRunner.Run(["import", "ftrace", _folder["t.txt"], "--db", _folder["t.db"], "--force", .. options]);
        Assert.True(exitCode == ExitCode.Done, error);
    }

    private Task<List<string[]>> Canned(string query, params string[] options) => Rows(["query", _folder["t.db"], query, .. options, "--format", "jsonl"]);

    private Task<List<string[]>> Query(string sql) => Rows(["query", _folder["t.db"], sql, "--format", "jsonl"]);

    private static async Task<List<string[]>> Rows(string[] arguments)
    {
        var (exitCode, text, error) = await CommandRunner.Run(arguments);
        Assert.True(exitCode == ExitCode.Done, error);
        var rows = new List<string[]>();
        foreach (var line in text.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            using var json = JsonDocument.Parse(line);
            rows.Add([.. json.RootElement.EnumerateObject().Select(column => column.Value.ToString())]);
        }

        return rows;
    }
}
