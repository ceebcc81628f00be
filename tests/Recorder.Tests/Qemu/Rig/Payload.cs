using System.Buffers.Binary;
using Replay.Recorder.Qemu;

namespace Replay.Recorder.Tests.Qemu;

/// <summary>One of the bare-metal guests in <c>tests/data/payloads</c>, and a directory for what a run of it writes.</summary>
internal sealed class Payload : IDisposable
{
    private const int EntryOffset = 24;

    public Payload(string name)
    {
        Name = name;
        Directory = System.IO.Directory.CreateTempSubdirectory("replay-test-").FullName;
    }

    public static string[] Names { get; } = ["lm4k", "cr3", "ptemod", "nopg", "lm2m", "pae", "p32", "mmio", "stress", "pkru", "cr4res", "release", "lidtwrap", "task32", "dimm", "cr4gp", "smm"];

    /// <summary>Guests that are hypervisors themselves: what their nested guest does is told apart.</summary>
    public static string[] Hypervisors { get; } = ["nsvm", "nsvmnonpt", "nsvmpae", "nsvmdev"];

    public string Name { get; }

    public string Directory { get; }

    public string Elf => Repository.Data("payloads", $"{Name}.elf");

    /// <summary>Where the guest's own code begins; before it, firmware and loader run.</summary>
    public GuestAddress Entry => GuestAddress.Physical(BinaryPrimitives.ReadUInt32LittleEndian(File.ReadAllBytes(Elf).AsSpan(EntryOffset)));

    public string ExpectedConsole => File.ReadAllText(Repository.Data("payloads", $"{Name}.console.txt"));

    public string Console => File.ReadAllText(InDirectory("console"));

    public string InDirectory(string file) => Path.Combine(Directory, file);

    /// <summary>What this guest needs of the machine beyond the usual.</summary>
    private IEnumerable<string> Special => Name switch
    {
        "pkru" or "cr4gp" => ["-cpu", "max"],
        "smm" => ["-machine", "smm=on"],
        "nsvm" or "nsvmnonpt" or "nsvmpae" or "nsvmdev" => ["-cpu", "EPYC-v1"],
        "plugcpu" => ["-smp", "1,sockets=2,maxcpus=2"],
        "init" or "smp" => ["-smp", "2"],
        "dimm" => ["-m", "64,slots=2,maxmem=1G", "-object", "memory-backend-ram,id=dimm,size=128M", "-device", "pc-dimm,memdev=dimm"],
        _ => [],
    };

    /// <summary>Options that record the guest from its entry point on.</summary>
    public QemuRecordingOptions Options(int? filter = null, params string[] more) => new()
    {
        Arguments = ["-M", "pc", "-m", "64", "-kernel", Elf, "-device", "isa-debug-exit,iobase=0xf4", "-debugcon", $"file:{InDirectory("console")}", .. Special, .. more],
        FilterSlots = filter,
        StartAt = Entry,
    };

    public Recording Record(QemuRecordingOptions options)
    {
        using var recorder = QemuRecorder.Start(options);
        var sink = new RowSink();
        var summary = recorder.Record(sink, cancellation: TestContext.Current.CancellationToken);
        return new Recording(recorder.Manifest, summary, sink.Rows);
    }

    public void Dispose() => System.IO.Directory.Delete(Directory, recursive: true);
}
