using System.Globalization;
using System.Security.Cryptography;
using Replay.Analyzer.Conformance;
using Replay.Cli.Terminal;
using Replay.Recorder.Bochs;
using Replay.Recorder.Qemu;
using Replay.Trace;

namespace Replay.Cli.Conforming;

/// <summary>
/// The captures of conformance cases' guests: every access from the entry point on. Cases that share a guest share its capture, in a
/// folder that stays (<c>--cache</c>) or in one that goes with this object.
/// </summary>
internal sealed class GuestCaptures : IDisposable
{
    /// <summary>A CPU with SVM and nested paging.</summary>
    private const string CpuWithSvm = "ryzen";

    private readonly CliConsole _console;
    private readonly string? _bochs;
    private readonly string _folder;
    private readonly bool _isTemporary;

    /// <param name="cache">Where captures stay; null for a temporary folder.</param>
    /// <param name="bochs">The Bochs to run; null looks for it on the path.</param>
    /// <param name="console">Takes what QEMU and Bochs say.</param>
    public GuestCaptures(string? cache, string? bochs, CliConsole console)
    {
        _console = console;
        _bochs = bochs;
        _isTemporary = cache is null;
        _folder = cache is null ? Directory.CreateTempSubdirectory("replay-conform-").FullName : Directory.CreateDirectory(cache).FullName;
    }

    /// <summary>The capture of the case's guest; recorded first where there is none yet.</summary>
    public string Of(ConformanceCase conformanceCase, CancellationToken cancellation)
    {
        var path = Path.Combine(_folder, Name(conformanceCase));
        if (!IsComplete(path))
            Record(conformanceCase, path, cancellation);
        return path;
    }

    public void Dispose()
    {
        if (_isTemporary)
            Directory.Delete(_folder, recursive: true);
    }

    /// <summary>Guests are told apart by their content, not their name.</summary>
    private static string Name(ConformanceCase conformanceCase)
    {
        if (!File.Exists(conformanceCase.GuestPath))
            throw new InputMissingException($"{conformanceCase.GuestPath}: no such guest (named by {conformanceCase.Folder}/case.json).");
        var content = Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(conformanceCase.GuestPath)))[..16];
        return $"{Path.GetFileNameWithoutExtension(conformanceCase.GuestPath)}-{content}-{conformanceCase.MemoryBytes >> 20}m-{conformanceCase.Entry:x}{(conformanceCase.Vcpus > 1 ? $"-{conformanceCase.Vcpus}" : "")}.capture";
    }

    /// <summary>What an older tool left, or a killed one, is recorded anew.</summary>
    private static bool IsComplete(string path)
    {
        if (!Directory.Exists(path))
            return false;
        try
        {
            using var capture = CaptureReader.Open(path);
            return capture.Manifest.Complete && capture.TryRead(new TraceChunk());
        }
        catch (CaptureFormatException)
        {
            return false;
        }
    }

    /// <summary>Under QEMU, and under Bochs what QEMU does not emulate: VMX, and nested page tables of two levels.</summary>
    private void Record(ConformanceCase conformanceCase, string path, CancellationToken cancellation)
    {
        if (conformanceCase.IsNestedVmx)
            RecordUnderBochs(conformanceCase, path, BochsRecordingOptions.DefaultCpu, cancellation);
        else if (RecordUnderQemu(conformanceCase, path, cancellation) > 0)
            RecordUnderBochs(conformanceCase, path, CpuWithSvm, cancellation);
    }

    private void RecordUnderBochs(ConformanceCase conformanceCase, string path, string cpu, CancellationToken cancellation)
    {
        var options = new BochsRecordingOptions
        {
            Kernel = conformanceCase.GuestPath,
            Megabytes = (int)(conformanceCase.MemoryBytes >> 20),
            Cpu = cpu,
            StartAt = conformanceCase.Entry,
            BochsPath = _bochs,
            OnMessage = message => _console.Error.WriteLine($"bochs: {message}"),
        };
        using var recorder = BochsRecorder.Start(options);
        using var writer = CaptureWriter.Create(path, recorder.Manifest, new CaptureWriterOptions { Force = true });
        var summary = recorder.Record(writer, null, null, cancellation);
        cancellation.ThrowIfCancellationRequested();
        if (summary.EndReason != BochsEndReason.GuestExit)
            throw new ConformanceCaseException($"{conformanceCase.GuestPath}: recording it ended with '{summary.EndReason}', not with the guest's exit");
        writer.Amend(summary.Amend);
        writer.Complete(summary.EndReason, summary.AccessesSeen);
    }

    /// <returns>How many ways into a nested guest could not be followed.</returns>
    private long RecordUnderQemu(ConformanceCase conformanceCase, string path, CancellationToken cancellation)
    {
        var options = new QemuRecordingOptions
        {
            Arguments =
            [
                "-M", "pc",
                "-m", $"{(conformanceCase.MemoryBytes >> 20).ToString(CultureInfo.InvariantCulture)}M",
                "-smp", conformanceCase.Vcpus.ToString(CultureInfo.InvariantCulture),
                "-kernel", conformanceCase.GuestPath,
                "-device", "isa-debug-exit,iobase=0xf4",
                "-debugcon", "file:/dev/null",
                "-display", "none",
                "-monitor", "none",
                "-no-reboot",
            ],
            StartAt = GuestAddress.Physical(conformanceCase.Entry),
            Rips = true,
            OnMessage = message => _console.Error.WriteLine($"qemu: {message}"),
        };
        using var recorder = QemuRecorder.Start(options, cancellation);
        using var writer = CaptureWriter.Create(path, recorder.Manifest, new CaptureWriterOptions { Force = true });
        var summary = recorder.Record(writer, null, null, cancellation);
        cancellation.ThrowIfCancellationRequested();
        if (!summary.Complete || summary.EndReason != "guest-exit")
            throw new ConformanceCaseException($"{conformanceCase.GuestPath}: recording it ended with '{summary.EndReason}', not with the guest's exit");
        writer.Amend(manifest => manifest with { Blind = [.. summary.Blind], NestedNotFollowed = summary.NestedNotFollowed, AccessesSeen = summary.AccessesSeen });
        writer.Complete(summary.EndReason, summary.AccessesSeen);
        return summary.NestedNotFollowed;
    }
}
