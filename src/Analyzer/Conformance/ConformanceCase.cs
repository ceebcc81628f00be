using System.Globalization;
using System.IO.Compression;
using System.Text.Json;
using Replay.Replayer;
using Replay.Replayer.Kvm;

namespace Replay.Analyzer.Conformance;

/// <summary>One recorded case of a real KVM: <c>case.json</c> and the files beside it.</summary>
public sealed record ConformanceCase
{
    /// <summary>Folder of the case.</summary>
    public required string Folder { get; init; }

    /// <summary>Payload and variant, such as <c>lm4k.dirty4k</c>.</summary>
    public required string Name { get; init; }

    public required string GuestPath { get; init; }

    public required MmuMode Mode { get; init; }

    /// <summary>The kernel that the case names.</summary>
    public required KvmBehaviour Kernel { get; init; }

    public required string HostProfile { get; init; }

    /// <summary>Userspace disabled KVM_X86_QUIRK_SLOT_ZAP_ALL.</summary>
    public bool SlotZapQuirkDisabled { get; init; }

    public required ulong MemoryBytes { get; init; }

    public required ulong Entry { get; init; }

    /// <summary>Transparent huge pages back the guest.</summary>
    public required bool HugePages { get; init; }

    public required bool Populated { get; init; }

    public required bool DirtyLog { get; init; }

    /// <summary>Guest memory begins at a multiple of 2 MiB of host-virtual addresses.</summary>
    public bool IsAligned { get; init; } = true;

    public CheckpointAction AtCheckpoint { get; init; }

    /// <summary>The guest runs guests of its own under VMX, which QEMU does not emulate: it cannot be recorded there, and would wait for ever.</summary>
    public bool IsNestedVmx { get; init; }

    /// <summary>
    /// The last checkpoint up to which the guest on the real KVM did what it does elsewhere, so that a recording can be compared: behind it KVM let the
    /// guest's own guest go another way. Null: to its end.
    /// </summary>
    public byte? UntilCheckpoint { get; init; }

    public int Vcpus { get; init; } = 1;

    /// <summary>How several vCPUs take turns; null: one vCPU.</summary>
    public TurnRule? Turns { get; init; }

    /// <exception cref="ConformanceCaseException">The folder holds no readable case.</exception>
    public static ConformanceCase Load(string folder)
    {
        var path = Path.Combine(folder, "case.json");
        try
        {
            using var json = JsonDocument.Parse(File.ReadAllBytes(path));
            var root = json.RootElement;
            var modeName = root.GetProperty("mmu").GetString()!;
            if (!MmuModes.TryParse(modeName, out var mode))
                throw new ConformanceCaseException($"{path}: mode '{modeName}' is not known");
            return new ConformanceCase
            {
                Folder = folder,
                Name = Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder))),
                GuestPath = Path.GetFullPath(Path.Combine(folder, root.GetProperty("guest").GetString()!)),
                Mode = mode,
                Kernel = ReadKernel(path, root),
                SlotZapQuirkDisabled = ReadQuirks(path, root),
                HostProfile = root.GetProperty("host_profile").GetString()!,
                MemoryBytes = root.GetProperty("memory_bytes").GetUInt64(),
                Entry = Convert.ToUInt64(root.GetProperty("entry").GetString(), 16),
                HugePages = ReadHugePages(root.GetProperty("host_pages").GetString()),
                Populated = root.GetProperty("host_populated").GetBoolean(),
                DirtyLog = root.GetProperty("dirty_log").GetBoolean(),
                IsAligned = !root.TryGetProperty("hva_aligned_2m", out var aligned) || aligned.GetBoolean(),
                AtCheckpoint = ReadAction(root),
                IsNestedVmx = root.TryGetProperty("nested", out var nested) && nested.GetString() == "vmx",
                UntilCheckpoint = root.TryGetProperty("until_checkpoint", out var until) ? until.GetByte() : null,
                Vcpus = root.TryGetProperty("vcpus", out var vcpus) ? vcpus.GetInt32() : 1,
                Turns = root.TryGetProperty("turns", out var turns) && turns.ValueKind == JsonValueKind.Object ? TurnRule.Read(turns) : null,
            }.Checked();
        }
        catch (Exception exception) when (exception is JsonException or OverflowException or KeyNotFoundException or FormatException or InvalidOperationException or ArgumentException)
        {
            throw new ConformanceCaseException($"{path}: not a conformance case ({exception.Message})", exception);
        }
    }

    /// <summary>What the real KVM did.</summary>
    /// <param name="accessedDirtyEnabled">The host's tables have accessed and dirty bits.</param>
    /// <param name="sharedAtEnd">Gfns that the host maps to a shared frame when the guest has ended, where the trace shows none.</param>
    /// <exception cref="ConformanceCaseException">A file of the case is missing or damaged.</exception>
    public ConformanceSequences ReadObserved(bool accessedDirtyEnabled, IReadOnlyCollection<ulong> sharedAtEnd)
    {
        ArgumentNullException.ThrowIfNull(sharedAtEnd);
        var trace = ReadLines("trace.norm.txt");
        var shared = new SharedFrames();
        ObservedTrace.FindSharedFrames(trace, shared);
        if (shared.IsEmpty && sharedAtEnd.Count > 0)
            shared.Add(sharedAtEnd.Max());
        try
        {
            var sequences = ObservedTrace.Parse(trace, shared, this, accessedDirtyEnabled);
            sequences.Tables.AddRange(ObservedTables.Parse(UntilLast(ReadLines("tables.norm.txt")), shared));
            return sequences;
        }
        catch (Exception exception) when (exception is FormatException or ArgumentException or OverflowException)
        {
            throw new ConformanceCaseException($"{Folder}: the trace or the tables are damaged ({exception.Message})", exception);
        }
    }

    /// <summary>The dumps of the case tell of all MMUs of the vCPU.</summary>
    /// <exception cref="ConformanceCaseException">The dumps are missing or damaged.</exception>
    public bool TellsNested() => ReadLines("tables.norm.txt").Exists(line => line.StartsWith("nested mmu=", StringComparison.Ordinal));

    /// <summary>The checkpoints that the real guest came to, in order.</summary>
    /// <exception cref="ConformanceCaseException">The trace is missing or damaged.</exception>
    public IReadOnlyList<byte> Checkpoints()
    {
        const string Mark = "tracing_mark_write vmm checkpoint ";
        var numbers = new List<byte>();
        foreach (var line in ReadLines("trace.norm.txt"))
        {
            if (line.StartsWith(Mark, StringComparison.Ordinal) && byte.TryParse(line.AsSpan(Mark.Length), CultureInfo.InvariantCulture, out var number))
                numbers.Add(number);
        }

        return numbers;
    }

    private IEnumerable<string> UntilLast(List<string> tables)
    {
        var end = UntilCheckpoint is { } last ? tables.FindIndex(line => line.StartsWith($"END {last} ", StringComparison.Ordinal)) : -1;
        return end < 0 ? tables : tables.Take(end + 1);
    }

    /// <summary>A file of the case, as it is or compressed.</summary>
    private List<string> ReadLines(string name)
    {
        var path = Path.Combine(Folder, name);
        try
        {
            using Stream file = File.Exists(path) ? File.OpenRead(path) : new GZipStream(File.OpenRead(path + ".gz"), CompressionMode.Decompress);
            using var reader = new StreamReader(file);
            var lines = new List<string>();
            while (reader.ReadLine() is { } line)
                lines.Add(line);
            return lines;
        }
        catch (InvalidDataException exception)
        {
            throw new ConformanceCaseException($"{path}.gz: damaged ({exception.Message})", exception);
        }
    }

    /// <summary>Cases of the first recordings name no kernel: they are of 6.1.</summary>
    private static KvmBehaviour ReadKernel(string path, JsonElement root)
    {
        if (!root.TryGetProperty("kernel", out var element) || element.GetString() is not { } release)
            return KvmBehaviour.Linux61;
        return KvmBehaviour.OfRelease(release) ?? throw new ConformanceCaseException($"{path}: kernel '{release}' is not modelled");
    }

    private static bool ReadQuirks(string path, JsonElement root)
    {
        if (!root.TryGetProperty("quirks_disabled", out var quirks))
            return false;
        foreach (var quirk in quirks.EnumerateArray())
        {
            if (quirk.GetString() != "KVM_X86_QUIRK_SLOT_ZAP_ALL")
                throw new ConformanceCaseException($"{path}: quirk '{quirk.GetString()}' is not modelled");
        }

        return quirks.GetArrayLength() > 0;
    }

    private ConformanceCase Checked() => Vcpus switch
    {
        < 1 or > byte.MaxValue => throw new FormatException($"vcpus is {Vcpus}"),
        > 1 when Turns is null => throw new FormatException($"{Vcpus} vCPUs and no 'turns': in which order they ran is not told"),
        _ => this,
    };

    private static bool ReadHugePages(string? text) => text switch
    {
        "4k" => false,
        "thp" => true,
        _ => throw new FormatException($"host_pages '{text}' is not known: 4k or thp"),
    };

    private static CheckpointAction ReadAction(JsonElement root)
    {
        if (!root.TryGetProperty("at_checkpoint", out var element) || element.GetString() is not { } text)
            return CheckpointAction.None;
        var action = CheckpointAction.None;
        foreach (var part in text.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            action |= part switch
            {
                "delete and re-add memslot 0" => CheckpointAction.ReplaceMemslot,
                "enable dirty logging at the first checkpoint" => CheckpointAction.LogDirtyFromFirst,
                "mprotect guest memory read-only, then read-write" => CheckpointAction.Protect,
                _ => throw new FormatException($"at_checkpoint '{part}' is not known"),
            };
        }

        return action;
    }
}

/// <summary>What the VMM of a case does at each checkpoint, after it read the dirty log.</summary>
[Flags]
public enum CheckpointAction
{
    None = 0,

    /// <summary>Deletes the memslot and adds it again.</summary>
    ReplaceMemslot = 1,

    /// <summary>mprotect(PROT_READ) of guest memory, then mprotect(PROT_READ | PROT_WRITE).</summary>
    Protect = 2,

    /// <summary>Switches dirty logging on at the first checkpoint, and reads the log at it and each later one.</summary>
    LogDirtyFromFirst = 4,
}

/// <summary>A folder that holds no readable case: one line. Exit code 65.</summary>
public sealed class ConformanceCaseException : Exception
{
    public ConformanceCaseException(string message)
        : base(OneLine(message))
    {
    }

    public ConformanceCaseException(string message, Exception inner)
        : base(OneLine(message), inner)
    {
    }

    /// <summary>It may quote the file.</summary>
    private static string OneLine(string message) => message.ReplaceLineEndings(" ");
}
