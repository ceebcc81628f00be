using System.Globalization;
using System.Text;
using Replay.Recorder.Qemu;

namespace Replay.Recorder.Bochs;

/// <summary>The files that tell Bochs of the machine and what its debugger is to do, in a directory of this recording's own.</summary>
internal sealed class BochsMachine : IDisposable
{
    private const int MaxSegments = 4;

    /// <summary>Where a BIOS puts the boot sector.</summary>
    private const ulong BootSector = 0x7c00;

    private readonly PrivateDirectory _directory;

    private BochsMachine(PrivateDirectory directory, ulong start)
    {
        _directory = directory;
        Start = start;
    }

    /// <summary>Guest-physical address of the first instruction that is recorded.</summary>
    public ulong Start { get; }

    public IReadOnlyList<string> Arguments => ["-q", "-f", In("bochsrc"), "-rc", In("commands")];

    /// <summary>Where the debugger puts the guest's memory as it is at the start.</summary>
    public string MemoryPath => In("memory");

    public string LogPath => In("log");

    /// <exception cref="RecorderException">The kernel cannot be read or loaded, or no directory can be made.</exception>
    public static BochsMachine Make(BochsRecordingOptions options)
    {
        var kernel = options.Kernel is { } path ? MultibootKernel.Read(path) : null;
        var directory = PrivateDirectory.Create((long)options.Megabytes << 20);
        try
        {
            var machine = new BochsMachine(directory, options.StartAt ?? kernel?.Entry ?? BootSector);
            machine.Write(options, kernel);
            return machine;
        }
        catch
        {
            directory.Dispose();
            throw;
        }
    }

    public void Dispose() => _directory.Dispose();

    private void Write(BochsRecordingOptions options, MultibootKernel? kernel)
    {
        var lines = new StringBuilder();
        lines.Append(CultureInfo.InvariantCulture, $"megs: {options.Megabytes}\n");
        lines.Append(CultureInfo.InvariantCulture, $"cpu: model={options.Cpu}, count=1, ips=50000000, reset_on_triple_fault=0\n");
        lines.Append("display_library: sdl2\nclock: sync=none, time0=946684800\npanic: action=report\n");
        lines.Append("vgaromimage: file=$BXSHARE/VGABIOS-lgpl-latest\n");
        lines.Append("plugin_ctrl: unmapped=1, biosdev=1, speaker=0, extfpuirq=1, parallel=0, serial=0, gameport=0, iodebug=0\n");
        lines.Append(CultureInfo.InvariantCulture, $"log: {LogPath}\n");
        if (kernel is not null)
            WriteKernel(options, kernel, lines);
        else
            WriteMedia(options, lines);
        File.WriteAllText(In("bochsrc"), lines.ToString());
        File.WriteAllText(
            In("commands"),
            $"pb 0x{Start:x}\nc\ncreg\nsreg\nwritemem \"{MemoryPath}\" 0 {(long)options.Megabytes << 20}\ntrace on\ntrace-reg on\ntrace-mem on\nc\nquit\n");
    }

    private void WriteKernel(BochsRecordingOptions options, MultibootKernel kernel, StringBuilder lines)
    {
        if (kernel.Segments.Count is 0 or > MaxSegments)
            throw new RecorderException(RecorderFailure.BadInput, $"{options.Kernel}: {kernel.Segments.Count} segments to load: record bochs loads 1 to {MaxSegments}.");
        File.WriteAllBytes(In("rom"), EntryRom.Make(kernel.Entry));
        lines.Append(CultureInfo.InvariantCulture, $"romimage: file={In("rom")}\nboot: floppy\n");
        for (var i = 0; i < kernel.Segments.Count; i++)
        {
            var segment = kernel.Segments[i];
            if (segment.Gpa + (ulong)segment.Content.Length > (ulong)options.Megabytes << 20)
                throw new RecorderException(RecorderFailure.Usage, $"{options.Kernel}: its segment at 0x{segment.Gpa:x} goes beyond {options.Megabytes} MiB of memory.");
            File.WriteAllBytes(In($"segment{i + 1}"), segment.Content.ToArray());
            lines.Append(CultureInfo.InvariantCulture, $"optramimage{i + 1}: file={In($"segment{i + 1}")}, address=0x{segment.Gpa:x}\n");
        }
    }

    private static void WriteMedia(BochsRecordingOptions options, StringBuilder lines)
    {
        lines.Append("romimage: file=$BXSHARE/BIOS-bochs-latest\n");
        lines.Append(options.Disk is { } disk
            ? $"ata0-master: type=disk, path=\"{Path.GetFullPath(disk)}\", mode=volatile\nboot: disk\n"
            : $"ata0-master: type=cdrom, path=\"{Path.GetFullPath(options.Cdrom!)}\", status=inserted\nboot: cdrom\n");
    }

    private string In(string name) => Path.Combine(_directory.Path, name);
}
