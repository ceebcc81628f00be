namespace Replay.Recorder.Bochs;

/// <summary>How <see cref="BochsRecorder"/> records.</summary>
public sealed record BochsRecordingOptions
{
    /// <summary>Most that the recorder mirrors.</summary>
    public const int MaxMegabytes = 1024;

    /// <summary>A CPU with VMX, EPT and their accessed and dirty bits.</summary>
    public const string DefaultCpu = "corei7_skylake_x";

    /// <summary>A multiboot kernel, entered as a loader enters it and without any firmware; null where a disk is booted.</summary>
    public string? Kernel { get; init; }

    /// <summary>An image of a hard disk, which Bochs's BIOS boots; null where a kernel is entered.</summary>
    public string? Disk { get; init; }

    /// <summary>An image of a CD, which Bochs's BIOS boots.</summary>
    public string? Cdrom { get; init; }

    /// <summary>The guest's memory.</summary>
    public int Megabytes { get; init; } = 64;

    /// <summary>Bochs's name of a CPU (<c>bochs --help cpu</c>).</summary>
    public string Cpu { get; init; } = DefaultCpu;

    /// <summary>The program to run; null looks for <c>bochs</c> on the path.</summary>
    public string? BochsPath { get; init; }

    /// <summary>Guest-physical address of the instruction to begin at; null for the kernel's entry, or the boot sector.</summary>
    public ulong? StartAt { get; init; }

    /// <summary>End once the guest has made this many accesses.</summary>
    public long? MaxAccesses { get; init; }

    /// <summary>The port whose writes become <see cref="Trace.TraceEventKind.Marker"/> events; null for none.</summary>
    public ushort? MarkerPort { get; init; } = 0xe0;

    /// <summary>The port whose first write ends the guest, as QEMU's isa-debug-exit has it; null for none.</summary>
    public ushort? ExitPort { get; init; } = 0xf4;

    /// <summary>Takes what Bochs says on its error stream, line by line.</summary>
    public Action<string>? OnMessage { get; init; }

    /// <summary>Checks that the options fit together, and that what they name is there.</summary>
    /// <exception cref="RecorderException">They do not, or it is not.</exception>
    public void Validate()
    {
        var media = new[] { Kernel, Disk, Cdrom }.Count(static path => path is not null);
        if (media != 1)
            throw Usage(media == 0 ? "nothing to run: name a kernel, a disk or a CD" : "a kernel, a disk or a CD: only one of them");
        if (Megabytes is < 4 or > MaxMegabytes)
            throw Usage($"{Megabytes} MiB of memory: take 4 to {MaxMegabytes}");
        if (MaxAccesses is <= 0)
            throw Usage($"a limit of {MaxAccesses} accesses: take 1 or more");
        if (Cpu.Length == 0 || !Cpu.All(static character => char.IsAsciiLetterOrDigit(character) || character == '_'))
            throw Usage($"a CPU '{Cpu}': take one of those that bochs --help cpu prints");
        foreach (var path in new[] { Kernel, Disk, Cdrom })
        {
            if (path is not null && !File.Exists(path))
                throw new RecorderException(RecorderFailure.InputMissing, $"{path}: no such file.");
        }
    }

    private static RecorderException Usage(string what) => new(RecorderFailure.Usage, $"record bochs: {what}.");
}
