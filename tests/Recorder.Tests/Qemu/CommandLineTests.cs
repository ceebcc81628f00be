using Replay.Recorder.Qemu;

namespace Replay.Recorder.Tests.Qemu;

public class CommandLineTests
{
    [Fact]
    public void A_run_is_made_repeatable_unless_the_user_chose_otherwise()
    {
        Assert.Equal("-icount shift=0,sleep=off -rtc base=2024-01-01,clock=vm -nic none -seed 1", Build().DeterminismAdded);
        Assert.Equal("-rtc base=2024-01-01,clock=vm", Build("-icount", "7", "-netdev", "user,id=n", "--seed", "9").DeterminismAdded);
        Assert.Equal("", Build(new QemuRecordingOptions { Arguments = [], Deterministic = false }).DeterminismAdded);
    }

    [Theory]
    [InlineData(128UL << 20)]
    [InlineData(64UL << 20, "-m", "64")]
    [InlineData(64UL << 20, "--m", "64")]
    [InlineData(256UL << 20, "-m", "256M")]
    [InlineData(1UL << 30, "-m", "size=1G,slots=2,maxmem=4G")]
    [InlineData(2048UL << 10, "-m", "2048k")]
    public void Guest_memory_gets_the_size_that_was_asked_for(ulong bytes, params string[] arguments)
    {
        var line = Build(arguments);

        Assert.Equal(bytes, line.MemoryBytes);
        Assert.Contains($"memory-backend-memfd,id=replay-ram,size={bytes},share=on", line.Arguments);
    }

    [Theory]
    [InlineData("KVM cannot be recorded", "-enable-kvm")]
    [InlineData("KVM cannot be recorded", "-accel", "kvm")]
    [InlineData("KVM cannot be recorded", "-machine", "q35,accel=kvm:tcg")]
    [InlineData("thread=multi", "-accel", "tcg,thread=multi")]
    [InlineData("accelerator hvf", "-machine", "accel=hvf:tcg")]
    [InlineData("accelerator xen", "-accel", "xen")]
    [InlineData("-daemonize", "-daemonize")]
    [InlineData("-daemonize", "--daemonize")]
    [InlineData("-incoming", "-incoming", "defer")]
    [InlineData("print something", "-version")]
    [InlineData("print something", "-cpu", "help")]
    [InlineData("print something", "-device", "virtio-net-pci,help")]
    [InlineData("has no value", "-M", "pc", "-m")]
    [InlineData("memory-backend=", "-M", "pc,memory-backend=mine")]
    [InlineData("cannot read the memory size", "-m", "plenty")]
    [InlineData("cannot read the memory size", "-m", "0")]
    public void What_cannot_be_recorded_is_refused_in_one_line(string reason, params string[] arguments)
    {
        var error = Assert.Throws<RecorderException>(() => Build(arguments));

        Assert.Equal((RecorderFailure.Usage, 2), (error.Failure, error.ExitCode));
        Assert.Contains(reason, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    [Theory]
    [InlineData("-accel tcg,thread=single")]
    [InlineData("-accel tcg,thread=single", "-accel", "tcg")]
    [InlineData("-accel tcg,tb-size=64,thread=single", "-accel", "tcg,tb-size=64")]
    [InlineData("-accel tcg,thread=single", "--accel", "tcg,thread=single")]
    [InlineData("-accel tcg,thread=single", "-machine", "accel=tcg")]
    [InlineData("-M q35,smm=off -accel tcg,thread=single", "-M", "q35,accel=tcg,smm=off")]
    public void vCPUs_run_on_one_thread_however_TCG_is_asked_for(string expected, params string[] arguments)
    {
        var line = string.Join(' ', Build(arguments).Arguments).Replace("--accel", "-accel", StringComparison.Ordinal);

        Assert.Contains(expected, line, StringComparison.Ordinal);
        Assert.Single(line.Split("-accel").Skip(1));
        Assert.DoesNotContain("accel=", line, StringComparison.Ordinal);
    }

    [Fact]
    public void Commas_in_paths_are_doubled_as_QEMU_wants_them()
        => Assert.Contains("/a,,b/plugin.so,ring=/c,,d/ring", QemuCommandLine.Build(new QemuRecordingOptions { Arguments = [] }, "/a,b/plugin.so", "/c,d/ring", "/s").Arguments);

    [Theory]
    [InlineData(1000)]
    [InlineData(1)]
    public void A_filter_whose_length_is_no_power_of_two_is_refused(int slots)
        => Assert.Throws<RecorderException>(() => new QemuRecordingOptions { Arguments = [], FilterSlots = slots }.Validate());

    private static QemuCommandLine Build(params string[] arguments) => Build(new QemuRecordingOptions { Arguments = arguments });

    private static QemuCommandLine Build(QemuRecordingOptions options) => QemuCommandLine.Build(options, "/plugin.so", "/ring", "/qmp");
}
