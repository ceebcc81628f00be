using System.Globalization;

namespace Replay.Recorder.Qemu;

/// <summary>QEMU's command line: what the user gave, and what a recording adds to it.</summary>
internal sealed class QemuCommandLine
{
    private const string BackendId = "replay-ram";
    private const ulong DefaultMemory = 128UL << 20;

    private static readonly string[][] DeterminismFlags =
    [
        ["-icount", "shift=0,sleep=off"],
        ["-rtc", "base=2024-01-01,clock=vm"],
        ["-nic", "none"],
        ["-seed", "1"],
    ];

    private static readonly string[] Leaving = ["-daemonize", "-preconfig", "-incoming", "-qtest", "-chroot", "-runas"];

    private static readonly string[] Printing = ["-h", "-help", "-version", "-dump-vmstate"];

    private static readonly string[] NeedsValue = ["-accel", "-machine", "-M", "-m", "-smp", "-cpu", "-kernel", "-initrd", "-append"];

    private List<string> _given;
    private readonly List<string> _added = [];

    private QemuCommandLine(IReadOnlyList<string> given)
    {
        _given = [.. given];
    }

    public IEnumerable<string> Arguments => _given.Concat(_added);

    /// <summary>Bytes of guest RAM.</summary>
    public ulong MemoryBytes { get; private set; } = DefaultMemory;

    /// <summary>The name of guest RAM in QEMU's memory tree.</summary>
    public string MemoryName => BackendId;

    /// <exception cref="RecorderException">The user's arguments cannot be recorded.</exception>
    public static QemuCommandLine Build(QemuRecordingOptions options, string plugin, string ring, string qmpSocket)
    {
        var line = new QemuCommandLine(options.Arguments);
        line.RefuseWhatCannotBeRecorded();
        line.RunOnOneThread();
        line.AddMemory();
        if (options.Deterministic)
            line.AddDeterminism();
        if (!line.Has("-display") && !line.Has("-nographic") && !line.Has("-vnc") && !line.Has("-spice"))
            line.Add("-display", "none");
        line.Add("-chardev", $"socket,id=replay-qmp,path={Escape(qmpSocket)}");
        line.Add("-mon", "chardev=replay-qmp,mode=control");
        line.Add("-plugin", $"{Escape(plugin)},ring={Escape(ring)}");
        return line;
    }

    /// <summary>The flags added for repeatability, as one would type them.</summary>
    public string DeterminismAdded => string.Join(' ', DeterminismFlags.Where(flag => IsAdded(flag[0])).SelectMany(static flag => flag));

    private static string Escape(string value) => value.Replace(",", ",,", StringComparison.Ordinal);

    private static RecorderException Usage(string what) => new(RecorderFailure.Usage, $"record qemu: {what}.");

    private void RefuseWhatCannotBeRecorded()
    {
        var machine = Values("-machine", "-M").SelectMany(static value => value.Split(',')).ToList();
        var accelerators = Values("-accel").Select(static value => value.Split(',')[0])
            .Concat(machine.Where(static part => part.StartsWith("accel=", StringComparison.Ordinal)).SelectMany(static part => part[6..].Split(':')))
            .Select(static name => name.StartsWith("accel=", StringComparison.Ordinal) ? name[6..] : name);
        if (Has("-enable-kvm") || accelerators.Contains("kvm", StringComparer.Ordinal))
            throw Usage("KVM cannot be recorded, only QEMU's own emulation: leave out -enable-kvm and accel=kvm");
        if (accelerators.FirstOrDefault(static name => name is not ("tcg" or "help")) is { } other)
            throw Usage($"only QEMU's own emulation can be recorded, and not the accelerator {other}: leave it out");
        if (Values("-accel").Any(static value => value.Contains("thread=multi", StringComparison.Ordinal)))
            throw Usage("thread=multi has no order of accesses to record: leave it out");
        if (Leaving.FirstOrDefault(Has) is { } leaving)
            throw Usage($"{leaving} takes QEMU out of the recorder's hands: leave it out");
        if (Printing.FirstOrDefault(Has) is not null || Values("-cpu", "-machine", "-M", "-device", "-accel", "-netdev", "-object", "-vga", "-d").Any(static value => value is "help" or "?" || value.EndsWith(",help", StringComparison.Ordinal)))
            throw Usage("these arguments make QEMU print something and leave: there is no guest to record");
        if (_given.Count > 0 && NeedsValue.Contains(_given[^1].Replace("--", "-", StringComparison.Ordinal), StringComparer.Ordinal))
            throw Usage($"{_given[^1]} has no value");
        if (Values("-machine", "-M").Any(static value => value.Contains("memory-backend=", StringComparison.Ordinal)) || Has("-mem-path") || Values("-numa").Any(static value => value.Contains("memdev", StringComparison.Ordinal)))
            throw Usage("the recorder gives the guest its memory itself: leave out memory-backend=, -mem-path and -numa memdev=");
    }

    /// <summary>QEMU runs the vCPUs of a guest on a thread each unless told otherwise, in whatever way TCG was asked for.</summary>
    private void RunOnOneThread()
    {
        var rewritten = new List<string>();
        for (var i = 0; i < _given.Count; i++)
        {
            var option = _given[i].Replace("--", "-", StringComparison.Ordinal);
            if (option is not ("-accel" or "-machine" or "-M") || i + 1 == _given.Count)
            {
                rewritten.Add(_given[i]);
                continue;
            }
            var parts = _given[++i].Split(',').ToList();
            if (option == "-accel" && !parts.Exists(static part => part.StartsWith("thread=", StringComparison.Ordinal)))
                parts.Add("thread=single");
            else if (option != "-accel")
                parts.RemoveAll(static part => part.StartsWith("accel=", StringComparison.Ordinal));
            if (parts.Count > 0)
                rewritten.AddRange([_given[i - 1], string.Join(',', parts)]);
        }
        _given = rewritten;
        if (!Has("-accel"))
            Add("-accel", "tcg,thread=single");
    }

    private void AddMemory()
    {
        if (Values("-m").LastOrDefault() is { } size)
            MemoryBytes = ParseMemory(size);
        else
            Add("-m", $"{MemoryBytes >> 20}M");
        Add("-object", $"memory-backend-memfd,id={BackendId},size={MemoryBytes},share=on");
        Add("-machine", $"memory-backend={BackendId}");
    }

    private void AddDeterminism()
    {
        // Without SMM, as KVM guests usually run: its memory is another address space that no memslot shows.
        if (!Values("-machine", "-M").Any(static value => value.Contains("smm=", StringComparison.Ordinal)))
            Add("-machine", "smm=off");
        foreach (var flag in DeterminismFlags)
        {
            var given = flag[0] == "-nic" ? Has("-nic") || Has("-net") || Has("-netdev") : Has(flag[0]);
            if (!given)
                Add(flag);
        }
    }

    private void Add(params ReadOnlySpan<string> arguments) => _added.AddRange(arguments);

    private bool IsAdded(string option) => _added.Contains(option, StringComparer.Ordinal);

    // QEMU takes options with one dash or two.
    private bool Has(string option) => _given.Any(given => given == option || given == "-" + option);

    private IEnumerable<string> Values(params string[] options)
    {
        for (var i = 0; i + 1 < _given.Count; i++)
        {
            if (options.Any(option => _given[i] == option || _given[i] == "-" + option))
                yield return _given[i + 1];
        }
    }

    /// <summary>As QEMU reads <c>-m</c>: <c>64</c>, <c>64M</c>, <c>size=1G,slots=2</c>; MiB where no unit stands.</summary>
    private static ulong ParseMemory(string text)
    {
        var size = text.Split(',').Select(static part => part.StartsWith("size=", StringComparison.Ordinal) ? part[5..] : part).First();
        var unit = size.Length > 0 ? char.ToUpperInvariant(size[^1]) : ' ';
        var shift = unit switch { 'B' => 0, 'K' => 10, 'M' => 20, 'G' => 30, 'T' => 40, _ => -1 };
        var digits = shift < 0 ? size : size[..^1];
        if (!ulong.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var number) || number == 0)
            throw Usage($"cannot read the memory size \"-m {text}\": write it as 256M or 1G");
        return number << (shift < 0 ? 20 : shift);
    }
}
