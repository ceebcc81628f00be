using System.Globalization;
using System.Text;

namespace Replay.Cli.Tests.Ftrace;

/// <summary>What a trace shows of a guest's own guests (L2), and that nothing is made up of what it does not show. The lines are a real kernel's where a file has them.</summary>
public sealed class NestedTraceTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Exits_and_faults_of_L2_under_nested_page_tables_are_told_from_its_hypervisor_s()
    {
        await ImportFile("linux-6.1-nested-npt.txt");
        Assert.Equal(
            [
                "0 VMRUN 0x3e0000 L1 root_mmu", "1 NPF 0x400000 L2 guest_mmu", "2 NPF 0x401000 L2 guest_mmu", "3 NPF 0x402000 L2 guest_mmu", "4 NESTED_EXIT 0x0 L2 guest_mmu",
                "5 VMRUN 0x3e0000 L1 root_mmu", "6 NPF 0x101f08 L2 guest_mmu", "7 NPF 0xc00000 L2 guest_mmu", "8 NPF 0x302030 L1 root_mmu", "9 VMRUN 0x3e0000 L1 root_mmu",
                "10 NPF 0xc00000 L2 guest_mmu",
            ],
            await Query("select exit_id || ' ' || reason || ' ' || info2_hex || ' ' || guest || ' ' || mmu from vm_exit order by exit_id"));
        Assert.Equal(["yes"], await Query("select shown from capability where fact = 'guest'"));
        Assert.Equal(["0xc00000 guest_fault L2", "0x302030 emulate L1"], await Query("select address_hex || ' ' || outcome || ' ' || guest from fault where fault_id in (4, 5) order by fault_id"));
        Assert.Equal(["0"], await Query("select count(*) from fault where nested <> (guest = 'L2') or (nested and handler is not null)"));
    }

    [Fact]
    public async Task Ways_into_L2_and_out_of_it_are_rows_with_what_the_lines_say_and_NULL_for_the_rest()
    {
        await ImportFile("linux-6.1-nested-npt.txt");
        Assert.Equal(
            ["vmrun L2 guest_mmu 0x300000 0x3e0000 -", "vmexit L1 root_mmu - 0x3e0000 VMMCALL", "vmrun L2 guest_mmu 0x300000 0x3e0000 -", "vmexit L1 root_mmu - 0x3e0000 NPF", "vmrun L2 guest_mmu 0x300000 0x3e0000 -"],
            await Query("select cause || ' ' || guest || ' ' || mmu || ' ' || coalesce(nested_root_hex, '-') || ' ' || vmcb_hex || ' ' || coalesce(code_name, '-') from guest_state order by seq"));
        Assert.Equal(["0"], await Query("select count(*) from guest_state where coalesce(cr0, cr3, cr4, efer, asid, tlb_control, nested_levels) is not null"));
    }

    [Fact]
    public async Task Whose_a_table_is_that_was_made_before_the_trace_is_not_known()
    {
        await ImportFile("linux-6.1-nested-npt.txt");
        Assert.Equal(["0 -", "1 L2 guest_mmu"], await Query("select distinct created_shown || ' ' || coalesce(guest || ' ' || mmu, '-') from table_page order by 1"));
        Assert.Equal(["0"], await Query("select count(*) from table_write as w join table_page as p using (run, table_id) where w.guest is not p.guest"));
    }

    [Fact]
    public async Task Without_nested_page_tables_L2_is_root_mmu_s()
    {
        await ImportFile("linux-6.1-nested-shadow.txt");
        Assert.Equal(["L1 root_mmu 4", "L2 root_mmu 5"], await Query("select guest || ' ' || mmu || ' ' || count(*) from vm_exit group by guest, mmu order by 1"));
        Assert.Equal(["vmrun 0x1400000 -", "vmexit - VMMCALL"], await Query("select cause || ' ' || coalesce(cr3_hex, '-') || ' ' || coalesce(code_name, '-') from guest_state order by seq limit 2"));
        // The #PF that L1 wanted for itself.
        Assert.Equal(["0x843001 guest_fault"], await Query("select address_hex || ' ' || outcome from fault where guest = 'L2' and outcome <> 'fixed'"));
    }

    /// <summary>Linux 3.6 to 5.19: kvm_nested_vmrun, for SVM alone.</summary>
    [Theory]
    [InlineData("on", "L2 guest_mmu")]
    [InlineData("off", "L2 root_mmu")]
    public async Task The_words_of_older_kernels_are_known(string npt, string expected)
    {
        await Import(
            "kvm_entry: vcpu 0",
            "kvm_exit: reason vmrun rip 0x1001ed info 0 0",
            $"kvm_nested_vmrun: rip: 0x00000000001001f0 vmcb: 0x00000000003e0000 nrip: 0x00000000001002a3 int_ctl: 0x01000000 event_inj: 0x00000000 npt: {npt}",
            "kvm_nested_intercepts: cr_read: 0000 cr_write: 0000 excp: 00004000 intercepts: 0000000381000000",
            "kvm_entry: vcpu 0",
            "kvm_exit: reason npf rip 0x1002a3 info 100000006 800000",
            "kvm_nested_vmexit: rip: 0x00000000001002a3 reason: npf ext_inf1: 0x0000000100000006 ext_inf2: 0x0000000000800000 ext_int: 0x00000000 ext_int_err: 0x00000000",
            "kvm_page_fault: address 800000 error_code 6",
            "kvm_entry: vcpu 0",
            "kvm_exit: reason interrupt rip 0x1002a3 info 0 0",
            "kvm_nested_intr_vmexit: rip: 0x00000000001002a3",
            "kvm_nested_vmexit_inject: reason: interrupt ext_inf1: 0x0000000000000000 ext_inf2: 0x0000000000000000 ext_int: 0x00000000 ext_int_err: 0x00000000",
            "kvm_entry: vcpu 0",
            "kvm_exit: reason npf rip 0x1001f0 info 100000006 900000",
            "kvm_page_fault: address 900000 error_code 6",
            "kvm_entry: vcpu 0");
        Assert.Equal([$"0x800000 {expected}", "0x900000 L1 root_mmu"], await Query("select address_hex || ' ' || guest || ' ' || mmu from fault order by fault_id"));
        Assert.Equal([$"vmrun {expected} -", "vmexit L1 root_mmu INTR"], await Query("select cause || ' ' || guest || ' ' || mmu || ' ' || coalesce(code_name, '-') from guest_state order by seq"));
    }

    [Fact]
    public async Task Nested_VMX_is_told_apart_by_the_same_events()
    {
        await Import(
            "kvm_entry: vcpu 0, rip 0x1",
            "kvm_exit: vcpu 0 reason VMLAUNCH rip 0x1001ed info1 0x0 info2 0x0 intr_info 0x0 error_code 0x0",
            "kvm_nested_vmenter: rip: 0x00000000001001ed vmcs: 0x0000000000380000 nested_rip: 0x00000000001002a3 int_ctl: 0x00000000 event_inj: 0x00000000 nested_ept=y nested_eptp: 0x000000000030005e",
            "kvm_entry: vcpu 0, rip 0x1002a3",
            "kvm_exit: vcpu 0 reason EPT_VIOLATION rip 0x1002a3 info1 0x182 info2 0x0 intr_info 0x0 error_code 0x0",
            "kvm_nested_vmexit: vcpu 0 reason EPT_VIOLATION rip 0x1002a3 info1 0x182 info2 0x0 intr_info 0x0 error_code 0x0",
            "kvm_page_fault: vcpu 0 rip 0x1002a3 address 0x0000000000800000 error_code 0x182",
            "kvm_nested_vmexit_inject: reason: EPT_VIOLATION ext_inf1: 0x0000000000000182 ext_inf2: 0x0000000000000000 ext_int: 0x00000000 ext_int_err: 0x00000000",
            "kvm_entry: vcpu 0, rip 0x1001f0");
        Assert.Equal(["EPT_VIOLATION L2 guest_mmu"], await Query("select reason || ' ' || guest || ' ' || mmu from vm_exit"));
        Assert.Equal(["0x800000 guest_fault L2"], await Query("select address_hex || ' ' || outcome || ' ' || guest from fault"));
        Assert.Equal(["0x30005e"], await Query("select nested_root_hex from guest_state where cause = 'vmrun'"));
    }

    [Fact]
    public async Task Without_events_of_nested_guests_nothing_is_said_of_whose_an_exit_is()
    {
        await Import("kvm_entry: vcpu 0, rip 0x1", "kvm_exit: vcpu 0 reason EPT_VIOLATION rip 0x1 info1 0x182 info2 0x0 intr_info 0x0 error_code 0x0", "kvm_page_fault: vcpu 0 rip 0x1 address 0x0000000000800000 error_code 0x182", "kvm_entry: vcpu 0, rip 0x1");
        Assert.Equal(["no"], await Query("select shown from capability where fact = 'guest'"));
        Assert.Equal(["- - -"], await Query("select coalesce(e.guest, '-') || ' ' || coalesce(f.guest, '-') || ' ' || coalesce(f.nested, '-') from vm_exit as e join fault as f using (run, exit_id)"));
    }

    private async Task ImportFile(string name)
    {
        var (exitCode, _, error) = await CommandRunner.Run("import", "ftrace", TestData(name), "--db", _folder["x.db"]);
        Assert.True(exitCode == ExitCode.Done, error);
    }

    private async Task Import(params string[] lines)
    {
        var text = new StringBuilder();
        for (var i = 0; i < lines.Length; i++)
            text.Append(CultureInfo.InvariantCulture, $" q-71 [000] {100 + i}.000001: {lines[i]}\n");
        await File.WriteAllTextAsync(_folder["t.txt"], text.ToString(), TestContext.Current.CancellationToken);
        var (exitCode, _, error) = await CommandRunner.Run("import", "ftrace", _folder["t.txt"], "--db", _folder["x.db"]);
        Assert.True(exitCode == ExitCode.Done, error);
    }

    private async Task<string[]> Query(string sql)
    {
        var (exitCode, text, error) = await CommandRunner.Run("query", _folder["x.db"], sql, "--format", "csv");
        Assert.True(exitCode == ExitCode.Done, error);
        return [.. text.ReplaceLineEndings("\n").TrimEnd('\n').Split('\n').Skip(1)];
    }

    private static string TestData(string name) => Repository.Data("ftrace", name);
}
