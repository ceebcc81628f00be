using System.Text;
using Replay.Recorder.Ftrace;
using Replay.Trace.Tracepoints;

namespace Replay.Recorder.Tests.Ftrace;

/// <summary>What people paste: each shape gives the event that its plain line gives, and costs none of its neighbours.</summary>
public sealed class PastedTests
{
    private const string Before = " CPU 0/KVM-2343  [001] d..1. 1.000000: kvm_entry: vcpu 0, rip 0x10\n";
    private const string After = " CPU 0/KVM-2343  [001] d..1. 9.000000: kvm_entry: vcpu 0, rip 0x20\n";

    private static readonly string Exit = Fields("kvm_exit: vcpu 0 reason EPT_VIOLATION rip 0x10003b info1 0x0000000000000782 info2 0x0000000000000000 intr_info 0x00000000 error_code 0x00000000");

    /// <summary>Shapes of a kvm_exit.</summary>
    public static TheoryData<string, string> Exits => new()
    {
        { "latency format of tracefs", " CPU 0/K-2343    1d..1. 1234us : kvm_exit: vcpu 0 reason EPT_VIOLATION rip 0x10003b info1 0x782 info2 0x0 intr_info 0x0 error_code 0x0" },
        { "latency format, marked slow", " CPU 0/K-2343    1d..2.. 1234us+: kvm_exit: vcpu 0 reason EPT_VIOLATION rip 0x10003b info1 0x782 info2 0x0 intr_info 0x0 error_code 0x0" },
        { "latency format, very slow", " CPU 0/K-2343    1dN.2 1234.567us!: kvm_exit: vcpu 0 reason EPT_VIOLATION rip 0x10003b info1 0x782 info2 0x0 intr_info 0x0 error_code 0x0" },
        { "dump on oops in dmesg", "[  123.456789] CPU 0/K-2343    1d..1. 1234567us : kvm_exit: vcpu 0 reason EPT_VIOLATION rip 0x10003b info1 0x782 info2 0x0 intr_info 0x0 error_code 0x0" },
        { "dump on oops in syslog", "Nov 28 19:00:01 host kernel: [  123.456789] CPU 0/K-2343    1d..1. 1234567us : kvm_exit: vcpu 0 reason EPT_VIOLATION rip 0x10003b info1 0x782 info2 0x0 intr_info 0x0 error_code 0x0" },
        { "trace-cmd report -l", "CPU 0/KV-2343    1d..1. 1234.567890: kvm_exit:             vcpu 0 reason EPT_VIOLATION rip 0x10003b info1 0x782 info2 0x0 intr_info 0x0 error_code 0x0" },
        { "trace-cmd report --ts-diff", " CPU 0/KVM-2343  [001]  1234.567890: (+12)  kvm_exit:             vcpu 0 reason EPT_VIOLATION rip 0x10003b info1 0x782 info2 0x0 intr_info 0x0 error_code 0x0" },
        { "trace-cmd report -R", " CPU 0/KVM-2343  [001]  1234.567890: kvm_exit:              exit_reason=0x30 guest_rip=0x10003b isa=1 info1=0x782 info2=0 intr_info=0 error_code=0 vcpu_id=0" },
        { "trace-cmd that cannot parse the format", " CPU 0/KVM-2343  [001]  1234.567890: kvm_exit:              [FAILED TO PARSE] exit_reason=48 guest_rip=0x10003b isa=1 info1=0x782 info2=0x0 intr_info=0x0 error_code=0x0 vcpu_id=0" },
        { "function graph", "  1)               |  /* kvm_exit: vcpu 0 reason EPT_VIOLATION rip 0x10003b info1 0x782 info2 0x0 intr_info 0x0 error_code 0x0 */" },
        { "function graph with process and time", " 1234.567890 |   1)  CPU 0/K-2343  |               |  /* kvm_exit: vcpu 0 reason EPT_VIOLATION rip 0x10003b info1 0x782 info2 0x0 intr_info 0x0 error_code 0x0 */" },
        { "perf without the CPU", "CPU 0/KVM  2343  1234.567890: kvm:kvm_exit: vcpu 0 reason EPT_VIOLATION rip 0x10003b info1 0x782 info2 0x0 intr_info 0x0 error_code 0x0" },
        { "perf without time", "CPU 0/KVM  2343 [001] kvm:kvm_exit: vcpu 0 reason EPT_VIOLATION rip 0x10003b info1 0x782 info2 0x0 intr_info 0x0 error_code 0x0" },
        { "perf, event and trace alone", "kvm:kvm_exit: vcpu 0 reason EPT_VIOLATION rip 0x10003b info1 0x782 info2 0x0 intr_info 0x0 error_code 0x0" },
        { "perf, time and event", "1234.567890: kvm:kvm_exit: vcpu 0 reason EPT_VIOLATION rip 0x10003b info1 0x782 info2 0x0 intr_info 0x0 error_code 0x0" },
        { "perf trace", "     0.103 ( 0.010 ms): CPU 0/KVM/2343 kvm:kvm_exit(exit_reason: 48, guest_rip: 1048635, isa: 1, info1: 1922, info2: 0, intr_info: 0, error_code: 0, vcpu_id: 0)" },
        { "perf trace, new", "     0.103 CPU 0/KVM/2343 kvm:kvm_exit(exit_reason: 48, guest_rip: 1048635, isa: 1, info1: 1922, info2: 0, intr_info: 0, error_code: 0, vcpu_id: 0)" },
        { "perf trace, with system calls beside it", "     0.103 (         ): CPU 0/KVM/2343 kvm:kvm_exit(exit_reason: 48, guest_rip: 1048635, isa: 1, info1: 1922, info2: 0, intr_info: 0, error_code: 0, vcpu_id: 0)" },
        { "perf trace, system calls, before 4.20", "     0.103 (         ): CPU 0/KVM/2343 kvm:kvm_exit:vcpu 0 reason EPT_VIOLATION rip 0x10003b info1 0x0000000000000782 info2 0x0000000000000000 intr_info 0x00000000 error_code 0x00000000)" },
        { "perf trace --libtraceevent_print", "     0.103 CPU 0/KVM/2343 kvm:kvm_exit(vcpu 0 reason EPT_VIOLATION rip 0x10003b info1 0x0000000000000782 info2 0x0000000000000000 intr_info 0x00000000 error_code 0x00000000)" },
        { "perf trace without names", "     0.103 2343 kvm:kvm_exit(exit_reason: 48, guest_rip: 1048635, isa: 1, info1: 1922, info2: 0, intr_info: 0, error_code: 0, vcpu_id: 0)" },
        { "perf trace of one thread", "     0.103 kvm:kvm_exit(exit_reason: 48, guest_rip: 1048635, isa: 1, info1: 1922, info2: 0, intr_info: 0, error_code: 0, vcpu_id: 0)" },
        { "perf trace without a time", "         ? CPU 0/KVM/2343 kvm:kvm_exit(exit_reason: 48, guest_rip: 1048635, isa: 1, info1: 1922, info2: 0, intr_info: 0, error_code: 0, vcpu_id: 0)" },
        { "perf trace, wrapped", "     0.103 CPU 0/KVM/2343 kvm:kvm_exit(exit_reason: 48, guest_rip: 1048635,\nisa: 1, info1: 1922, info2: 0, intr_info: 0, error_code: 0,\nvcpu_id: 0)" },
        { "perf trace, wrapped and quoted", "> 0.103 (         ): CPU 0/KVM/2343 kvm:kvm_exit(exit_reason: 48,\n> guest_rip: 1048635, isa: 1, info1: 1922, info2: 0, intr_info: 0,\n> error_code: 0, vcpu_id: 0)" },
        { "perf trace, grep -n", "trace.txt:17:     0.103 CPU 0/KVM/2343 kvm:kvm_exit(exit_reason: 48, guest_rip: 1048635, isa: 1, info1: 1922, info2: 0, intr_info: 0, error_code: 0, vcpu_id: 0)" },
        { "no head", "kvm_exit: vcpu 0 reason EPT_VIOLATION rip 0x10003b info1 0x782 info2 0x0 intr_info 0x0 error_code 0x0" },
        { "quoted", "> > CPU 0/KVM-2343  [001] d..1. 1234.567890: kvm_exit: vcpu 0 reason EPT_VIOLATION rip 0x10003b info1 0x782 info2 0x0 intr_info 0x0 error_code 0x0" },
        { "coloured", "\u001b[32m CPU 0/KVM-2343\u001b[0m  [001] d..1. \u001b[1m1234.567890\u001b[0m: kvm_exit: vcpu 0 reason \u001b[31mEPT_VIOLATION\u001b[0m rip 0x10003b info1 0x782 info2 0x0 intr_info 0x0 error_code 0x0" },
        { "tabs for spaces", "\tCPU 0/KVM-2343\t[001]\td..1.\t1234.567890:\tkvm_exit:\tvcpu 0 reason EPT_VIOLATION rip 0x10003b info1 0x782 info2 0x0 intr_info 0x0 error_code 0x0" },
        { "wrapped in its fields", " CPU 0/KVM-2343  [001] d..1. 1234.567890: kvm_exit: vcpu 0 reason\nEPT_VIOLATION rip 0x10003b info1 0x782 info2 0x0 intr_info 0x0\nerror_code 0x0" },
        { "wrapped where the first part reads as an old kernel's", " CPU 0/KVM-2343  [001] d..1. 1234.567890: kvm_exit: vcpu 0 reason EPT_VIOLATION rip 0x10003b\n  info1 0x782 info2 0x0 intr_info 0x0 error_code 0x0" },
        { "wrapped and quoted", "> CPU 0/KVM-2343  [001] d..1. 1234.567890: kvm_exit: vcpu 0 reason EPT_VIOLATION rip\n> 0x10003b info1 0x782 info2 0x0 intr_info 0x0 error_code 0x0" },
        { "wrapped in its head", " CPU 0/KVM-2343  [001] d..1. 1234.567890:\nkvm_exit: vcpu 0 reason EPT_VIOLATION rip 0x10003b info1 0x782 info2 0x0 intr_info 0x0 error_code 0x0" },
        { "quoted-printable", " CPU 0/KVM-2343  [001] d..1. 1234.567890: kvm_exit: vcpu 0 reason EPT_VIO=\nLATION rip 0x10003b info1 0x7=\n82 info2 0x0 intr_info 0x0 error_code 0x0" },
    };

    /// <summary>Shapes of other events.</summary>
    public static TheoryData<string, string> Others => new()
    {
        { "kvm_page_fault: vcpu 0 rip 0x10 address 0x200000 error_code 0x782", "kvm_page_fault: vcpu_id=0 guest_rip=0x10 fault_address=0x200000 error_code=0x782" },
        { "kvm_mmu_set_spte: gfn 100 spte 600000d701b77 (rwxu) level 1 at ab36800", "kvm_mmu_set_spte: gfn=256 spte=0x600000d701b77 sptep=0xab36800 level=1 r=1 x=1 u=1" },
        { "kvm_tdp_mmu_spte_changed: as id 0 gfn 99 level 1 old_spte 0 new_spte 5a0", "kvm_tdp_mmu_spte_changed: gfn=0x99 old_spte=0 new_spte=0x5a0 level=1 as_id=0" },
        { "kvm_mmu_spte_requested: gfn 100 pfn d701 level 1", "kvm_mmu_spte_requested: gfn=256 pfn=55041 level=1" },
        { "kvm_unmap_hva_range: mmu notifier unmap range: 0x7f0000000000 -- 0x7f0000001000", "kvm_unmap_hva_range: start=0x7f0000000000 end=0x7f0000001000" },
        { "mark_mmio_spte: sptep:00000000abcdef01 gfn fee00 access 6 gen 4", "mark_mmio_spte: sptep:(____ptrval____) gfn fee00 access 6 gen 4" },
        { "fast_page_fault: vcpu 0 gva 200000 error_code P|W sptep (null) old 1 new 3 spurious 0 fixed 1", "fast_page_fault: vcpu 0 gva 200000 error_code P|W sptep (____ptrval____) old 1 new 3 spurious 0 fixed 1" },
        { "kvm_entry: vcpu 3, rip 0x10", "kvm_entry: vcpu_id=3 rip=0x10" },
    };

    /// <summary>Pastes in the shapes that mailing lists and issue threads have them in, and the events that they hold.</summary>
    public static TheoryData<string, string, string[]> Pastes => new()
    {
        {
            "AMD, latency flags, wrapped and with quoted-printable breaks",
            "       CPU 3/KVM-812244 [087] ...1 51310.100201: kvm_exit: vcpu 3 reason =\nnpf\nrip 0xfd11c info1 0x0000000100000014 info2 0x00000000000fd000 intr_info\n0x00000000 error_code 0x00000000\n"
                + "       CPU 3/KVM-812244 [087] ...1 51310.100202: kvm_page_fault: address\nfd000 error_code 14\n       CPU 3/KVM-812244 [087] d..2 51310.100203: kvm_entry: vcpu 3, rip\n0xfd11c\n",
            ["kvm_exit: vcpu 3 reason npf rip 0xfd11c info1 0x0000000100000014 info2 0x00000000000fd000 intr_info 0x00000000 error_code 0x00000000", "kvm_page_fault: address fd000 error_code 14", "kvm_entry: vcpu 3, rip 0xfd11c"]
        },
        {
            "a reply that quotes wrapped lines of the TDP MMU",
            "> VCPU-2-70412   [041] ..... 91122.501100: kvm_page_fault: address\n> 91d000 error_code 4\n> VCPU-2-70412   [041] ..... 91122.501908: kvm_tdp_mmu_spte_changed: as\n> id 0 gfn 800 level 2 old_spte 30c21a16827 new_spte 5a0\n"
                + "> VCPU-2-70412   [041] ..... 91122.501909: kvm_mmu_prepare_zap_page: sp\n> gen 0 gfn 800 l1 8-byte q0 direct wux nxe ad root 0 sync\n>  VCPU-2-70412   [041] ..... 91122.501990: kvm_mmu_set_spte: gfn 800\n> spte 30c4a00ea7 (rwxu) level 2 at 30c2fa5020\n",
            ["kvm_page_fault: address 91d000 error_code 4", "kvm_tdp_mmu_spte_changed: as id 0 gfn 800 level 2 old_spte 30c21a16827 new_spte 5a0", "kvm_mmu_prepare_zap_page: sp gen 0 gfn 800 l1 8-byte q0 direct wux nxe ad root 0 sync", "kvm_mmu_set_spte: gfn 800 spte 30c4a00ea7 (rwxu) level 2 at 30c2fa5020"]
        },
        {
            "threads without a name, wrapped",
            "<...>-45788 [037] ....  1825.959082: kvm_exit: vcpu 2 reason npf rip\n0xfd11d info 100000014 fd000\n<...>-45789 [036] ....  1825.959082: kvm_page_fault: address fd000 error_code 14\n",
            ["kvm_exit: vcpu 2 reason npf rip 0xfd11d info 100000014 fd000", "kvm_page_fault: address fd000 error_code 14"]
        },
        {
            "columns of trace-cmd, broken behind the name",
            ">          qemu-kvm-737698 [019] 658186.750322: kvm_exit:             \n> vcpu 0 reason EXCEPTION_NMI rip 0x40048d info1 0x0 info2 \n> 0x0 intr_info 0x80000306 error_code 0x0\n>          qemu-kvm-737698 [019] 658186.750325: kvm_inj_exception:    #UD \n> (0x0)\n",
            ["kvm_exit: vcpu 0 reason EXCEPTION_NMI rip 0x40048d info1 0x0 info2 0x0 intr_info 0x80000306 error_code 0x0", "kvm_inj_exception: #UD (0x0)"]
        },
        {
            "a number broken by quoted-printable, and an event that is not known",
            "  dirty_log_test-39003 [001] 284503.384332: kvm_page_fault:       address 7=\nfc036d000 error_code 582\n  dirty_log_test-39003 [001] 284503.384333: kvm_dirty_ring_push:  ring 1: d=\nirty 0x37f reset 0x1c0\n",
            ["kvm_page_fault: address 7fc036d000 error_code 582", "kvm_dirty_ring_push: ring 1: dirty 0x37f reset 0x1c0"]
        },
        {
            "pages of an old kernel, quoted three times, with the plugin's levels",
            ">>>  qemu-system-x86-7660  [007]   498.691443: kvm_mmu_get_page:     existing sp gfn 3b22e 1/4 q3 direct --x !pge !nxe root 6 sync\n>>>  qemu-system-x86-7660  [007]   498.691444: kvm_entry:            vcpu 3\n",
            ["kvm_mmu_get_page: existing sp gfn 3b22e 1/4 q3 direct --x !pge !nxe root 6 sync", "kvm_entry: vcpu 3"]
        },
        {
            "a stack trace that has a head of its own",
            "   vm-7434    [059] ....   134.587045: kvm_tdp_mmu_spte_changed: as id 0 gfn ffc00 level 1 old_spte 860000010dc97b77 new_spte 80000000000005a0\n   vm-7434    [059] ....   134.587046: <stack trace>\n => handle_changed_spte\n => kvm_mmu_zap_all\n   vm-7434    [059] d...   134.587050: kvm_entry: vcpu 0, rip 0x10\n",
            ["kvm_tdp_mmu_spte_changed: as id 0 gfn ffc00 level 1 old_spte 860000010dc97b77 new_spte 80000000000005a0", "kvm_entry: vcpu 0, rip 0x10"]
        },
        {
            "perf with a time of day, and flags before the CPU",
            "2024-03-01 10:11:12.131415            <...> 306966 .N.. [017] 25504452.408994: kvm:kvm_exit: reason EXTERNAL_INTERRUPT rip 0xffffffff81c02f58 info 0 800000fd\n"
                + "2024-03-01 10:11:12.131520            <...> 306966 d... [018] 25504452.412981: kvm:kvm_entry: vcpu 20\n",
            ["kvm_exit: reason EXTERNAL_INTERRUPT rip 0xffffffff81c02f58 info 0 800000fd", "kvm_entry: vcpu 20"]
        },
        {
            "heads that were shortened to the CPU, entries with what they inject",
            "  CPU 0: kvm_entry: vcpu 0, rip 0xffffffff81000ab0 intr_info 0x80000b0e error_code 0x00000000\n  CPU 1: kvm_entry: vcpu 1, rip 0xffffffff81000ab8\n",
            ["kvm_entry: vcpu 0, rip 0xffffffff81000ab0", "kvm_entry: vcpu 1, rip 0xffffffff81000ab8"]
        },
        {
            "a thread without its number, and a field that a patch adds",
            "preempt_test  30677.199579:      kvm:kvm_exit: reason PREEMPTION_TIMER rip 0x40284d info 0 0 intr 0\npreempt_test  30677.199580:     kvm:kvm_entry:  vcpu 1 rip 0x40284d\n",
            ["kvm_exit: reason PREEMPTION_TIMER rip 0x40284d info 0 0", "kvm_entry: vcpu 1, rip 0x40284d"]
        },
        {
            "a thread named with a space, the vCPU before an old kernel's fields",
            "       fc_vcpu 0-3779478 [077] .... 2820822.383989: kvm_exit: vcpu 0 reason EPT_VIOLATION rip 0x5a1c20 info 384 0\n       fc_vcpu 0-3779478 [077] d... 2820822.383994: kvm_entry: vcpu 0\n",
            ["kvm_exit: vcpu 0 reason EPT_VIOLATION rip 0x5a1c20 info 384 0", "kvm_entry: vcpu 0"]
        },
        {
            "a plugin older than the kernel",
            "           <...>-415119 [010]  4733.092646: kvm_exit:             CAN'T FIND FIELD \"rip\"<CANT FIND FIELD exit_code>vcpu 0 reason npf rip 0x400433 info1 0x0000000200000006 info2 0x0000000000641000 intr_info 0x00000000 error_code 0x00000000\n",
            ["kvm_exit: vcpu 0 reason npf rip 0x400433 info1 0x0000000200000006 info2 0x0000000000641000 intr_info 0x00000000 error_code 0x00000000"]
        },
        {
            "no heads, a commit's indentation, wrapped",
            "  kvm_entry:            vcpu 0, rip 0xffffffffffbbe229\n  kvm_exit:             reason EXIT_NPF rip 0xffffffffffbbe229 info\n    200000006 1ac000\n  kvm_page_fault:       address 1ac000 error_code 6\n",
            ["kvm_entry: vcpu 0, rip 0xffffffffffbbe229", "kvm_exit: reason EXIT_NPF rip 0xffffffffffbbe229 info 200000006 1ac000", "kvm_page_fault: address 1ac000 error_code 6"]
        },
        {
            "wrapped between the words of a fast fault",
            "qemu-6786    [029] ..... 4602162.971194: kvm_page_fault: vcpu 4 rip\n0xffffffff820fe712 address 0x00000000020fe712 error_code 0x184\nqemu-6786    [029] ..... 4602162.971194: fast_page_fault: vcpu 4 gva\n20fe712 error_code F sptep 00000000fd98c947 old 0x61000034d4fe977 new\n61000034d4fe977 spurious 1 fixed 0\n",
            ["kvm_page_fault: vcpu 4 rip 0xffffffff820fe712 address 0x00000000020fe712 error_code 0x184", "fast_page_fault: vcpu 4 gva 20fe712 error_code F sptep 00000000fd98c947 old 0x61000034d4fe977 new 61000034d4fe977 spurious 1 fixed 0"]
        },
        {
            "no time, flags of dots, with and without a colon behind them",
            "CPU 0/KVM-92557 [002] ... kvm_entry: vcpu 0, rip 0xffffffffae1b703b\nCPU 0/KVM-92557 [002] ...: kvm_exit: vcpu 0 reason msr rip 0xffffffffad496204\n",
            ["kvm_entry: vcpu 0, rip 0xffffffffae1b703b", "kvm_exit: vcpu 0 reason msr rip 0xffffffffad496204"]
        },
        {
            "a thread with dashes, fenced as code",
            "```\n        tdxvm-23694-23714   [065] ....   907.856265: kvm_mmu_set_spte: gfn 1151c spte 86000080a5669c37 (rwxu) level 1 at 80b34fc9d8\n```\n",
            ["kvm_mmu_set_spte: gfn 1151c spte 86000080a5669c37 (rwxu) level 1 at 80b34fc9d8"]
        },
        {
            "pages of a kernel before 5.10 in trace-cmd's columns",
            "       CPU 0/KVM-2018505 [025] 67120.030891: kvm_mmu_get_page:     new sp gfn 0 4 q0 direct wux pae !nxe !wp root 0 sync\n       CPU 0/KVM-2018505 [025] 67120.030899: kvm_mmu_spte_requested: gfn fffff pfn 8aa18d0 level 1\n",
            ["kvm_mmu_get_page: new sp gfn 0 4 q0 direct wux pae !nxe !wp root 0 sync", "kvm_mmu_spte_requested: gfn fffff pfn 8aa18d0 level 1"]
        },
    };

    /// <summary>Marks that people and tools put before a line: they name neither a machine nor a thread.</summary>
    [Theory]
    [InlineData("> ")]
    [InlineData("+ ")]
    [InlineData("| ")]
    [InlineData(" B:   ")]
    [InlineData("17:")]
    [InlineData("17: ")]
    [InlineData("     17\t")]
    [InlineData("trace.txt:17: ")]
    [InlineData("Nov 28 19:00:01 ")]
    [InlineData("Nov 28 19:00:01 host kernel: [  123.456789] ")]
    [InlineData("Nov 28 19:00:01 host logger[812]: ")]
    [InlineData("2024-03-01T10:11:12.131415+00:00 host root: ")]
    [InlineData("2024-03-01 10:11:12.131415 ")]
    [InlineData("[Fri Nov 28 19:00:01 2025] ")]
    public void What_stands_before_a_line_is_no_machine_and_no_thread(string before)
    {
        var sink = new Heads();
        var text = $"{before} CPU 0/KVM-2343  [001] d..1. 1234.567890: kvm_entry: vcpu 0, rip 0x10\n";
        FtraceReader.Read(new MemoryStream(Encoding.Latin1.GetBytes(text)), sink, cancellation: TestContext.Current.CancellationToken);
        Assert.Equal([("CPU 0/KVM", 2343, 1, 1234_567890_000L)], sink.Seen);
        Assert.Equal("", sink.Sources.Single());
    }

    /// <summary>Where a head has no number, the thread's name tells vCPUs apart, and where it has no name, the CPU.</summary>
    [Theory]
    [InlineData("CPU 0/KVM  1.0: kvm:kvm_entry: vcpu 0\nCPU 1/KVM  1.0: kvm:kvm_entry: vcpu 1\n", 2)]
    [InlineData("CPU 0: kvm_entry: vcpu 0\nCPU 1: kvm_entry: vcpu 1\n", 2)]
    [InlineData("CPU 0/KVM  1.0: kvm:kvm_entry: vcpu 0\nCPU 0/KVM  1.0: kvm:kvm_entry: vcpu 0\n", 1)]
    public void Threads_without_a_number_are_told_apart(string text, int threads)
    {
        var sink = new Heads();
        FtraceReader.Read(new MemoryStream(Encoding.Latin1.GetBytes(text)), sink, cancellation: TestContext.Current.CancellationToken);
        Assert.Equal(threads, sink.Threads.Distinct().Count());
    }

    /// <summary>Whoever pastes a trace leaves lines out: nothing may be carried over that, as over events that the tracer lost.</summary>
    [Theory]
    [InlineData("....")]
    [InlineData("  ...")]
    [InlineData("> [...]")]
    [InlineData("<snip>")]
    [InlineData("[snip]")]
    [InlineData("<snip...>")]
    [InlineData("-- snip --")]
    [InlineData("[... 200 lines left out ...]")]
    public void Lines_that_were_left_out_are_a_gap(string mark)
    {
        var listing = Listing.Of(Before + mark + "\n" + After);
        Assert.Empty(listing.Damaged);
        Assert.Equal(1, listing.Summary.LossMarkers);
        Assert.Equal(2, listing.Summary.Events);
    }

    /// <summary>What tracers print beside events is no damage, and no part of the event before it.</summary>
    [Theory]
    [InlineData(" 1)               |  kvm_mmu_page_fault [kvm]() {")]
    [InlineData(" 1)   0.310 us    |      fast_page_fault [kvm]();")]
    [InlineData(" 1) + 10.001 us   |  } /* kvm_mmu_page_fault [kvm] */")]
    [InlineData(" 1234.567890 |   1)  CPU 0/K-2343  |   0.310 us    |  fast_page_fault [kvm]();")]
    [InlineData(" 1)  CPU 0/K-2343  =>  CPU 1/K-2344 ")]
    [InlineData(" ------------------------------------------")]
    [InlineData(" CPU 0/KVM-2343  [001] ..... 2.000000: kvm_mmu_page_fault <-handle_ept_violation")]
    [InlineData("     0.014 ( 0.003 ms): CPU 0/KVM/2343 ioctl(fd: 13<anon_inode:kvm-vcpu:0>, cmd: KVM_RUN)             = 0")]
    [InlineData("         ? (         ): CPU 0/KVM/2343  ... [continued]: ioctl())                                        = 0")]
    public void Functions_and_system_calls_between_the_events_are_no_damage(string line)
    {
        var listing = Listing.Of(Before + line + "\n" + After);
        Assert.Empty(listing.Damaged);
        Assert.Equal([Fields("kvm_entry: vcpu 0, rip 0x10"), Fields("kvm_entry: vcpu 0, rip 0x20")], listing.Lines);
    }

    [Theory]
    [MemberData(nameof(Pastes))]
    public void A_paste_holds_the_events_of_its_plain_lines(string what, string text, string[] plain)
    {
        var listing = Listing.Of(text);
        Assert.True(listing.Damaged.Count == 0, $"{what}: {string.Join(", ", listing.Damaged)}");
        Assert.Equal(plain.Select(Fields), listing.Lines);
    }

    [Theory]
    [MemberData(nameof(Exits))]
    public void A_kvm_exit_reads_alike_in_every_shape(string what, string text)
    {
        Assert.NotNull(what);
        var listing = Listing.Of(Before + text + "\n" + After);
        Assert.Equal([Fields("kvm_entry: vcpu 0, rip 0x10"), Exit, Fields("kvm_entry: vcpu 0, rip 0x20")], listing.Lines);
        Assert.Empty(listing.Damaged);
    }

    [Theory]
    [MemberData(nameof(Others))]
    public void Fields_by_name_read_as_the_kernel_s_own_words(string plain, string raw) => Assert.Equal(Fields(plain), Fields(raw));

    [Theory]
    [InlineData(" CPU 0/K-2343    1d..1. 1234us : kvm_entry: vcpu 0", "CPU 0/K", 2343, 1, 1_234_000L)]
    [InlineData("  <idle>-0       3dNh3 1234567us : sched_waking: comm=CPU 0/KVM pid=2343", "<idle>", 0, 3, 1_234_567_000L)]
    [InlineData("[  123.4] CPU 0/K-2343    1d..1. 1234567us : kvm_entry: vcpu 0", "CPU 0/K", 2343, 1, 1_234_567_000L)]
    [InlineData("CPU 0/KVM  2343/2350  1234.567890: kvm:kvm_entry: vcpu 0", "CPU 0/KVM", 2350, 0, 1234_567890_000L)]
    [InlineData("CPU 0/KVM  2343 [003] kvm:kvm_entry: vcpu 0", "CPU 0/KVM", 2343, 3, 0L)]
    [InlineData("   0.103 CPU 0/KVM/2343 kvm:kvm_entry(vcpu_id: 0, rip: 4096)", "CPU 0/KVM", 2343, 0, 103_000L)]
    [InlineData("   0.103 (         ): CPU 0/KVM/2343 kvm:kvm_entry(vcpu_id: 0, rip: 4096)", "CPU 0/KVM", 2343, 0, 103_000L)]
    [InlineData("1234567.890 CPU 0/KVM/2343 sched:sched_waking(comm: CPU 0/KVM, pid: 2343)", "CPU 0/KVM", 2343, 0, 1234_567890_000L)]
    [InlineData("   0.103 2343 kvm:kvm_entry()", "", 2343, 0, 103_000L)]
    [InlineData("   0.103 kvm:kvm_entry()", "", -1, 0, 103_000L)]
    [InlineData("         ? CPU 0/KVM/2343 kvm:kvm_entry()", "CPU 0/KVM", 2343, 0, 0L)]
    [InlineData("  2)  CPU 0/K-2343  |               |  /* kvm_entry: vcpu 0 */", "CPU 0/K", 2343, 2, 0L)]
    public void What_a_head_has_is_taken(string line, string task, int pid, int cpu, long time)
    {
        var sink = new Heads();
        FtraceReader.Read(new MemoryStream(Encoding.Latin1.GetBytes(line + "\n")), sink, cancellation: TestContext.Current.CancellationToken);
        Assert.Equal([(task, pid, cpu, time)], sink.Seen);
    }

    [Theory]
    [InlineData(" vmm-1 [000] ..... 1.1: <stack trace>\n => kvm_tdp_mmu_map\n => direct_page_fault+0x10/0x20 [kvm]\n")]
    [InlineData(" vmm-1 [000]  1.1: kernel_stack:         <stack trace >\n=> kvm_tdp_mmu_map (ffffffffc0a01234)\n=> direct_page_fault.constprop.0 (ffffffffc0a05678)\n")]
    [InlineData("\tffffffffc0a01234 kvm_tdp_mmu_map+0x12 ([kvm])\n\tffffffffc0a05678 direct_page_fault+0x34 (/lib/modules/kvm.ko)\n\n")]
    public void A_stack_trace_belongs_to_the_event_before_it_and_is_no_damage(string stack)
    {
        const string Text = " vmm-1 [000] ..... 1.0: kvm_tdp_mmu_spte_changed: as id 0 gfn 99 level 1 old_spte 0 new_spte 600000455299b77\n";
        var sink = new Stacks();
        var listing = Listing.Of(Text + stack + Text);
        FtraceReader.Read(new MemoryStream(Encoding.Latin1.GetBytes(Text + stack + Text)), sink, cancellation: TestContext.Current.CancellationToken);
        Assert.Equal(["kvm_tdp_mmu_map < direct_page_fault", ""], sink.Seen);
        Assert.Empty(listing.Damaged);
        Assert.Equal((2L, 1L), (listing.Summary.Events, listing.Summary.StackTraces));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void UTF_16_is_read(bool bigEndian)
    {
        var encoding = new UnicodeEncoding(bigEndian, byteOrderMark: true);
        using var file = new TemporaryFile([.. encoding.GetPreamble(), .. encoding.GetBytes(Before + After)]);
        using var input = FtraceInput.Open(file.Path);
        Assert.Equal(2, input.Survey(TestContext.Current.CancellationToken).Events);
        var listing = new Listing();
        Assert.Equal(2, FtraceReader.Read(input.Text, listing, listing, cancellation: TestContext.Current.CancellationToken).TypedEvents);
        Assert.Empty(listing.Damaged);
    }

    [Fact]
    public void A_damaged_line_costs_none_of_its_neighbours()
    {
        string[] lines = [.. Encoding.Latin1.GetString(TestTraces.Read("linux-6.8.txt")).Split('\n').Where(line => line.Length > 0)];
        var whole = Listing.Of(string.Join('\n', lines) + "\n").Lines;
        for (var i = 0; i < lines.Length; i++)
        {
            var damaged = Listing.Of(string.Join('\n', lines.Select((line, number) => number == i ? line[..(line.Length / 3)] : line)) + "\n").Lines;
            var missing = whole.Except(damaged).Count();
            Assert.True(missing <= 1, $"line {i} costs {missing}");
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    [System.Runtime.Versioning.UnsupportedOSPlatform("windows")]
    public void Binary_files_are_read_through_their_tool_or_the_command_is_told(bool hasTool)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "a shell script stands for the tool");
        var folder = Directory.CreateTempSubdirectory("replay-tool").FullName;
        var path = Environment.GetEnvironmentVariable("PATH");
        try
        {
            File.WriteAllBytes(Path.Combine(folder, "t.dat"), [0x17, 0x08, 0x44, .. "tracing"u8]);
            if (hasTool)
            {
                File.WriteAllText(Path.Combine(folder, "trace-cmd"), $"#!/bin/sh\nprintf '%s\\n' '{Before.Trim()}'\n");
                File.SetUnixFileMode(Path.Combine(folder, "trace-cmd"), UnixFileMode.UserRead | UnixFileMode.UserExecute | UnixFileMode.UserWrite);
            }

            Environment.SetEnvironmentVariable("PATH", hasTool ? $"{folder}:{path}" : folder);
            if (!hasTool)
            {
                var failure = Assert.Throws<RecorderException>(() => FtraceInput.Open(Path.Combine(folder, "t.dat")));
                Assert.Contains("trace-cmd report -N -i", failure.Message, StringComparison.Ordinal);
                return;
            }

            using var input = FtraceInput.Open(Path.Combine(folder, "t.dat"));
            Assert.StartsWith("trace-cmd report -N -i ", input.Converter, StringComparison.Ordinal);
            Assert.Equal(1, input.Survey(TestContext.Current.CancellationToken).Events);
        }
        finally
        {
            Environment.SetEnvironmentVariable("PATH", path);
            Directory.Delete(folder, recursive: true);
        }
    }

    private static string Fields(string nameAndText) => Listing.Fields(nameAndText);

    private sealed class Heads : TracepointSink
    {
        public List<(string Task, int Pid, int Cpu, long Time)> Seen { get; } = [];

        public List<string> Sources { get; } = [];

        public List<long> Threads { get; } = [];

        public override void OnOther(in TraceLine line)
        {
            Seen.Add((Encoding.Latin1.GetString(line.Task), line.Pid, line.Cpu, line.Time));
            Sources.Add(Encoding.Latin1.GetString(line.Source));
            Threads.Add(line.Thread);
        }
    }

    private sealed class Stacks : TracepointSink
    {
        public List<string> Seen { get; } = [];

        public override void OnOther(in TraceLine line)
        {
            var names = new List<string>();
            foreach (var function in line.Stack)
                names.Add(function.Text);
            Seen.Add(string.Join(" < ", names));
        }
    }
}
