using System.Text;

namespace Replay.Recorder.Tests.Ftrace;

/// <summary>What mail programs, terminals and authors make of lines: each gives the events of its plain lines, and no line of an event is unread.</summary>
public sealed class MailedTests
{
    private const char Replacement = '\ufffd';
    private const char Unbreakable = '\u00a0';

    public static TheoryData<string, string, string[]> Pastes => new()
    {
        {
            "spaces that became U+FFFD, quoted and wrapped",
            Spaced(Replacement),
            ["kvm_entry: vcpu 1, rip 0xffffffffc0771ab2", "kvm_exit: reason EPT_VIOLATION rip 0xffffffffc0771ab2 info 683 800000ec", "kvm_page_fault: vcpu 1 rip 0xffffffffc0771ab2 address 0x0000000002594fe0 error_code 0x683"]
        },
        {
            "the same, taken for Latin-1 once more",
            Encoding.Latin1.GetString(Encoding.UTF8.GetBytes(Spaced(Replacement))),
            ["kvm_entry: vcpu 1, rip 0xffffffffc0771ab2", "kvm_exit: reason EPT_VIOLATION rip 0xffffffffc0771ab2 info 683 800000ec", "kvm_page_fault: vcpu 1 rip 0xffffffffc0771ab2 address 0x0000000002594fe0 error_code 0x683"]
        },
        {
            "spaces that do not break",
            Spaced(Unbreakable),
            ["kvm_entry: vcpu 1, rip 0xffffffffc0771ab2", "kvm_exit: reason EPT_VIOLATION rip 0xffffffffc0771ab2 info 683 800000ec", "kvm_page_fault: vcpu 1 rip 0xffffffffc0771ab2 address 0x0000000002594fe0 error_code 0x683"]
        },
        {
            "the source of the mail: U+FFFD in quoted-printable, broken within the signs",
            QuotedPrintable(Spaced(Replacement)),
            ["kvm_entry: vcpu 1, rip 0xffffffffc0771ab2", "kvm_exit: reason EPT_VIOLATION rip 0xffffffffc0771ab2 info 683 800000ec", "kvm_page_fault: vcpu 1 rip 0xffffffffc0771ab2 address 0x0000000002594fe0 error_code 0x683"]
        },
        {
            "the source of the mail: U+00A0",
            QuotedPrintable(Spaced(Unbreakable)),
            ["kvm_entry: vcpu 1, rip 0xffffffffc0771ab2", "kvm_exit: reason EPT_VIOLATION rip 0xffffffffc0771ab2 info 683 800000ec", "kvm_page_fault: vcpu 1 rip 0xffffffffc0771ab2 address 0x0000000002594fe0 error_code 0x683"]
        },
        {
            "perf script in quoted-printable, broken within the names and wrapped behind them",
            "      CPU 0/KVM  799876 [020] 28136.763703:                kvm:kvm_pic_set_=\nirq:\nchip 1 pin 3 (edge|masked)\n      CPU 0/KVM  799876 [020] 28136.763705:                      kvm:kvm_en=\ntry:\nvcpu 0, rip 0xfffff8031964a708\n"
                + "      CPU 0/KVM  799876 [020] 28136.763707:                       kvm:kvm_e=\nxit:\nreason EPT_MISCONFIG rip 0xfffff8031964a727 info 0 0\n",
            ["kvm_pic_set_irq: chip 1 pin 3 (edge|masked)", "kvm_entry: vcpu 0, rip 0xfffff8031964a708", "kvm_exit: reason EPT_MISCONFIG rip 0xfffff8031964a727 info 0 0"]
        },
        {
            "events that are kept as text, wrapped",
            "       CPU 1/KVM-2278472 [119] ...1 346654.769272: kvm_emulate_insn: 0:fc95=\na:\n(prot32)\n       CPU 1/KVM-2278472 [119] ...1 346654.769275: kvm_userspace_exit: reas=\non\nKVM_EXIT_INTERNAL_ERROR (17)\n\nMy early explorations:\n",
            ["kvm_emulate_insn: 0:fc95a: (prot32)", "kvm_userspace_exit: reason KVM_EXIT_INTERNAL_ERROR (17)"]
        },
        {
            "format=flowed",
            "              CPU-6638  [034] 6446408.762620: kvm_exit: reason \nEPT_VIOLATION rip 0xfffff802057fee67 info 683 800000d1\n              CPU-6638  [034] 6446408.762621: kvm_inj_virq: IRQ 0xd1 \n[reinjected]\n              CPU-6638  [034] 6446408.762622: kvm_entry: vcpu 0, rip \n0xfffff802057fee67\n",
            ["kvm_exit: reason EPT_VIOLATION rip 0xfffff802057fee67 info 683 800000d1", "kvm_inj_virq: IRQ 0xd1 [reinjected]", "kvm_entry: vcpu 0, rip 0xfffff802057fee67"]
        },
        {
            "a commit message with nested SVM, wrapped and indented",
            "  kvm_nested_vmrun:     rip: 0x000000007ffbb280 vmcb: 0x0000000008224000\n    nrip: 0xffffffffffbbe219 int_ctl: 0x01020000 event_inj: 0x00000000\n    npt: on\n"
                + "  kvm_nested_vmexit:    vcpu 0 reason npf rip 0xffffffffffbbe219 info1\n    0x0000000200000006 info2 0x00000000001ac000 intr_info 0x00000000\n    error_code 0x00000000\n  kvm_nested_vmexit_inject: reason EXIT_NPF info1 200000006 info2 1ac000\n    int_info 0 int_info_err 0\n",
            [
                "kvm_nested_vmrun: rip: 0x000000007ffbb280 vmcb: 0x0000000008224000 nrip: 0xffffffffffbbe219 int_ctl: 0x01020000 event_inj: 0x00000000 npt: on",
                "kvm_nested_vmexit: vcpu 0 reason npf rip 0xffffffffffbbe219 info1 0x0000000200000006 info2 0x00000000001ac000 intr_info 0x00000000 error_code 0x00000000",
                "kvm_nested_vmexit_inject: reason EXIT_NPF info1 200000006 info2 1ac000 int_info 0 int_info_err 0",
            ]
        },
        {
            "a reply with nested VMX, wrapped with tabs",
            "> kvm_nested_vmenter: rip: 0x0000000000008002 vmcs: 0x0000000000007000\n>                     nested_rip: 0x0000000000000000 int_ctl: 0x00000000\n> \t\t    event_inj: 0x00000000 nested_ept=n guest\n> \t\t    cr3: 0x0000000000002000\n"
                + "> kvm_nested_vmexit_inject: reason: TRIPLE_FAULT ext_inf1: 0x0000000000000000\n>                           ext_inf2: 0x0000000000000000 ext_int: 0x00000000\n> \t\t\t  ext_int_err: 0x00000000\n",
            [
                "kvm_nested_vmenter: rip: 0x0000000000008002 vmcs: 0x0000000000007000 nested_rip: 0x0000000000000000 int_ctl: 0x00000000 event_inj: 0x00000000 nested_ept=n guest cr3: 0x0000000000002000",
                "kvm_nested_vmexit_inject: reason: TRIPLE_FAULT ext_inf1: 0x0000000000000000 ext_inf2: 0x0000000000000000 ext_int: 0x00000000 ext_int_err: 0x00000000",
            ]
        },
        {
            "a comment in a program",
            "\t// WiP\n\t// kvm_exit: vcpu 1 reason EPT_VIOLATION rip 0x1018 info1 0x0000000000000781 info2 0x0000000000000000 intr_info 0x00000000 error_code 0x00000000\n\t// kvm_page_fault: vcpu 1 rip 0x1018 address 0x0000000000542ab8 error_code 0x781\n",
            ["kvm_exit: vcpu 1 reason EPT_VIOLATION rip 0x1018 info1 0x0000000000000781 info2 0x0000000000000000 intr_info 0x00000000 error_code 0x00000000", "kvm_page_fault: vcpu 1 rip 0x1018 address 0x0000000000542ab8 error_code 0x781"]
        },
        {
            "in a frame",
            "|  │  kvm_entry: vcpu 0                                       │ |\n|  │  kvm_exit: reason HLT                                    │ |\n|  │  kvm_entry: vcpu 0                                       │ |\n",
            ["kvm_entry: vcpu 0", "kvm_exit: reason HLT", "kvm_entry: vcpu 0"]
        },
        {
            "comments of a shell",
            "# qemu-system-x86-22345 [001] .... 22345.678903: kvm_exit: reason EPT_VIOLATION rip 0xffffffff810000a5 info 181 0\n# qemu-system-x86-22345 [001] .... 22345.678905: kvm_entry: vcpu 0 rip 0xffffffff810000a5\n",
            ["kvm_exit: reason EPT_VIOLATION rip 0xffffffff810000a5 info 181 0", "kvm_entry: vcpu 0, rip 0xffffffff810000a5"]
        },
        {
            "times alone",
            " 320.696238: kvm_entry: vcpu 0, rip 0x406a89\n 320.696239: kvm_exit: vcpu 0 reason vintr rip 0x4004ae info1 0x0000000000000000 info2 0x0000000000000000 intr_info 0x00000000 error_code 0x00000000\n",
            ["kvm_entry: vcpu 0, rip 0x406a89", "kvm_exit: vcpu 0 reason vintr rip 0x4004ae info1 0x0000000000000000 info2 0x0000000000000000 intr_info 0x00000000 error_code 0x00000000"]
        },
    };

    /// <summary>Fields that somebody left out, anywhere in the line: the rest is known. A number that the line's end may have cut is not.</summary>
    [Theory]
    [InlineData("vcpu 0 reason EXTERNAL_INTERRUPT intr_info 0x800000ec", "EXTERNAL_INTERRUPT", null, null, null, 0x800000ecu)]
    [InlineData("vcpu 0 reason DR_ACCESS info1 0x0000000000000216", "DR_ACCESS", null, 0x216UL, null, null)]
    [InlineData("vcpu 1 reason EPT_VIOLATION rip 0x1018 info1 0x0000000000000781", "EPT_VIOLATION", 0x1018UL, 0x781UL, null, null)]
    [InlineData("vcpu 1 reason EPT_VIOLATION rip 0x1018 info1 0x00000000000007", "EPT_VIOLATION", 0x1018UL, null, null, null)]
    [InlineData("vcpu 0 reason EXCEPTION_NMI rip 0x10 info1 0x0000000000000028 intr_info 0x80000b0e error_code 0x00000000", "EXCEPTION_NMI", 0x10UL, 0x28UL, null, 0x80000b0eu)]
    [InlineData("vcpu 0 reason HLT", "HLT", null, null, null, null)]
    [InlineData("reason EPT_VIOLATION rip 0x10 ...", "EPT_VIOLATION", 0x10UL, null, null, null)]
    [InlineData("reason PF excp rip 0x10 info1 0x1 info2 0x2 intr_info 0x0 error_code 0x0", "PF excp", 0x10UL, 1UL, 2UL, 0u)]
    public void Fields_of_an_exit_that_were_left_out_are_not_known_and_cost_none_of_the_others(string text, string reason, ulong? rip, ulong? info1, ulong? info2, uint? interrupt)
    {
        var listing = Listing.Of($" CPU 0/KVM-1 [000] d..1. 1.0: kvm_exit: {text}\n");
        Assert.Empty(listing.Damaged);
        var line = Assert.Single(listing.Lines);
        Assert.Contains($"Reason = {reason},", line, StringComparison.Ordinal);
        Assert.Contains($"Rip = {rip},", line, StringComparison.Ordinal);
        Assert.Contains($"Info1 = {info1},", line, StringComparison.Ordinal);
        Assert.Contains($"Info2 = {info2},", line, StringComparison.Ordinal);
        Assert.Contains($"InterruptInfo = {interrupt},", line, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("vcpu 1 address 0x2319fe00000 error_code 0xf82", null)]
    [InlineData("vcpu 1 rip 0x10 address 0x2319fe00000 error_code 0xf82", 0x10UL)]
    [InlineData("vcpu 1 rip  address 0x2319fe00000 error_code 0xf82", null, true)]
    public void A_fault_whose_instruction_was_left_out_is_one(string text, ulong? rip, bool isDamaged = false)
    {
        var listing = Listing.Of($"// kvm_page_fault: {text}\n--\n<...>-1946910 [226] ...1. 324797.313982: kvm_entry: vcpu 1, rip 0x10\n");
        Assert.Equal(isDamaged, listing.Damaged.Count > 0);
        Assert.Equal(isDamaged ? 1 : 2, listing.Lines.Count(line => line.Contains("Vcpu = 1,", StringComparison.Ordinal)));
        if (!isDamaged)
            Assert.Contains($"Rip = {rip}, Address = {0x2319fe00000UL}", listing.Lines[0], StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Pastes))]
    public void A_paste_holds_the_events_of_its_plain_lines(string what, string text, string[] plain)
    {
        var listing = Listing.Of(Encoding.UTF8.GetBytes(text));
        Assert.DoesNotContain(listing.Damaged, damage => damage.What.Contains("not known", StringComparison.Ordinal));
        Assert.True(plain.Select(Listing.Fields).SequenceEqual(listing.Lines), $"{what}:\n{string.Join('\n', listing.Lines)}\n{string.Join('\n', listing.Damaged)}");
    }

    /// <summary>A blank of quoted-printable is <c>=20</c>, and so is a field of an event: the rest of the text says which.</summary>
    [Theory]
    [InlineData("Content-Transfer-Encoding: quoted-printable\n\n{0}", true)]
    [InlineData("content-transfer-encoding:  Quoted-Printable\r\n\r\n{0}", true)]
    [InlineData("{0}See https://lore.kernel.org/kvm/?q=3Dspte\n", true)]
    [InlineData("{0}The guest has two memory slots, and the second of them is deleted and mad=\ne again.\n", true)]
    [InlineData("{0}", false)]
    [InlineData("Content-Transfer-Encoding: 8bit\n\n{0}See https://lore.kernel.org/kvm/?q=3Dspte\n", false)]
    [InlineData("Content-Transfer-Encoding: quoted-printable\n\nHello.\n\nContent-Transfer-Encoding: 7bit\n\n{0}", false)]
    [InlineData("{0}rip=\n", false)]
    public void A_blank_of_quoted_printable_is_one_where_the_text_says_so(string text, bool isQuoted)
    {
        const string Blanks = " CPU 0/KVM-1 [000] d..1. 1.0: kvm_exit:=20vcpu 0 reason npf rip=200x10 info1 0x6=20info2 0x20 intr_info 0x0 error_code=200x0=20\n";
        const string Field = " CPU 0/KVM-1 [000] ..... 2.0: kvm_mmu_zap_all_fast: gfn=20\n";
        var listing = Listing.Of(string.Format(System.Globalization.CultureInfo.InvariantCulture, text, Blanks + " CPU 0/KVM-1 [000] d..1. 1.5: kvm_entry: vcpu 0, rip 0x20\n"));
        var exit = Listing.Fields("kvm_exit: vcpu 0 reason npf rip 0x10 info1 0x6 info2 0x20 intr_info 0x0 error_code 0x0");
        Assert.Equal(isQuoted, listing.Lines.Contains(exit));
        Assert.Contains(Listing.Fields("kvm_entry: vcpu 0, rip 0x20"), listing.Lines);
        // In quoted-printable the sign of a field is coded itself; where it is not, or one in the line is not, nothing is.
        var field = Listing.Of(string.Format(System.Globalization.CultureInfo.InvariantCulture, text, isQuoted ? Field.Replace("=", "=3D", StringComparison.Ordinal) : Field));
        Assert.Contains(field.Lines, line => line.Contains("gfn=20", StringComparison.Ordinal));
        var mixed = Listing.Of(string.Format(System.Globalization.CultureInfo.InvariantCulture, text, Field.Replace("gfn=20", "gfn=20 level=1 slot=0x20", StringComparison.Ordinal)));
        Assert.Contains(mixed.Lines, line => line.Contains("gfn=20 level=1", StringComparison.Ordinal));
    }

    /// <summary>A line that ends like one of quoted-printable, and a whole one behind it.</summary>
    [Fact]
    public void A_sign_at_the_end_of_a_line_costs_no_event()
    {
        var listing = Listing.Of(" CPU 0/KVM-1 [000] d..1. 1.0: kvm_entry: vcpu_id=0 rip=\n CPU 0/KVM-1 [000] d..1. 2.0: kvm_entry: vcpu 0, rip 0x20\n======\n CPU 0/KVM-1 [000] d..1. 3.0: kvm_entry: vcpu 0, rip 0x30\n");
        Assert.Equal([Listing.Fields("kvm_entry: vcpu 0, rip 0x20"), Listing.Fields("kvm_entry: vcpu 0, rip 0x30")], listing.Lines[^2..]);
    }

    private static string Spaced(char space)
    {
        string Run(int count) => new(space, count);
        return $">> {Run(2)} {Run(1)}CPU-3386625 [094] 7598425.465415: kvm_entry:{Run(11)} vcpu 1, rip\n>> 0xffffffffc0771ab2\n>> {Run(2)} {Run(1)}CPU-3386625 [094] 7598425.465417: kvm_exit:{Run(12)} reason\n>> EPT_VIOLATION rip 0xffffffffc0771ab2 info 683 800000ec\n"
            + $">> {Run(2)} {Run(1)}CPU-3386625 [094] 7598425.465417: kvm_page_fault:{Run(6)} vcpu 1 rip\n>> 0xffffffffc0771ab2 address 0x0000000002594fe0 error_code 0x683\n";
    }

    private static string QuotedPrintable(string text)
    {
        var source = new StringBuilder();
        foreach (var line in text.Split('\n'))
        {
            var coded = string.Concat(Encoding.UTF8.GetBytes(line).Select(b => b is >= 0x80 or (byte)'=' ? $"={b:X2}" : $"{(char)b}"));
            while (coded.Length > 76)
            {
                // A sign of three characters stays whole, the bytes of a letter need not.
                var at = coded[73] == '=' ? 73 : coded[74] == '=' ? 74 : 75;
                source.Append(coded[..at]).Append("=\n");
                coded = coded[at..];
            }

            source.Append(coded).Append('\n');
        }

        return source.ToString();
    }
}
