using System.Security.Cryptography;
using System.Text;
using Replay.Recorder.Synthetic;
using Replay.Trace;
using Replay.Trace.Storage;
using Replay.Trace.Touches;

namespace Replay.Fuzz;

/// <summary>manifest.json, its checksum right or wrong.</summary>
internal sealed class ManifestParser(string name) : Parser(name)
{
    private const int Digits = 64;
    private const int Behind = 4;

    public override IReadOnlyList<byte[]> Seeds { get; } =
    [
        ManifestFile.Serialize(CaptureFiles.Manifest with { Parts = [new CapturePart { AccessFile = "accesses-00000.parquet", EventFile = "events-00000.parquet", AccessSha256 = new string('a', 64), EventSha256 = new string('b', 64), Accesses = 3, Events = 2, FirstOrdinal = 1, LastOrdinal = 5 }], Complete = true, EndReason = "guest-exit" }),
        File.ReadAllBytes(Repository.PathOf("src", "Cli", "samples", "linux-boot.capture", "manifest.json")),
    ];

    public override bool IsText => true;

    public override byte[] Sign(byte[] input)
    {
        if (input.Length < Digits + Behind)
            return input;
        var digits = input.AsSpan(input.Length - Behind - Digits, Digits);
        digits.Fill((byte)'0');
        Encoding.ASCII.GetBytes(Convert.ToHexStringLower(SHA256.HashData(input)), digits);
        return input;
    }

    public override Fate Read(byte[] input)
    {
        ManifestFile.Parse(input, "manifest.json");
        return Fate.Read;
    }
}

/// <summary>One of the files of a capture, as a reader gets it when its checksum is right.</summary>
internal sealed class CaptureFileParser : Parser
{
    private readonly string _file;
    private readonly CaptureManifest _manifest;
    private readonly TraceChunk _chunk = new();
    private readonly List<TraceEvent> _events = [];
    private readonly WholeRowGroups _whole;
    private readonly AccessFileReader _accesses;
    private readonly EventFileReader _eventFile;
    private readonly TouchFileReader _touches;

    public CaptureFileParser(string name, string folder, string file, bool rips, bool filter)
        : base(name)
    {
        _file = file;
        var directory = Path.Combine(folder, $"{name}.capture");
        _manifest = CaptureFiles.Write(directory, rips, filter);
        Seeds = [File.ReadAllBytes(Path.Combine(directory, file))];
        _whole = new WholeRowGroups(directory, _manifest);
        _accesses = new AccessFileReader(_manifest.HasRips, _manifest.Vcpus);
        _eventFile = new EventFileReader(_manifest.Vcpus, _manifest.Version);
        _touches = new TouchFileReader(_manifest.HasRips, _manifest.Vcpus, _whole);
    }

    public override IReadOnlyList<byte[]> Seeds { get; }

    /// <summary>The manifest has the checksums of the others.</summary>
    public override byte[] Sign(byte[] input)
    {
        if (_file != CaptureLayout.TouchFile(0))
            return input;
        var at = input.AsSpan().LastIndexOf("replay.checksum"u8);
        if (at < 0 || at + 100 > input.Length)
            return input;
        // The digits stand behind the key and the head of their field.
        var digits = at + "replay.checksum"u8.Length;
        while (digits < input.Length && !char.IsAsciiHexDigitLower((char)input[digits]))
            digits++;
        if (digits + TouchMetadata.NoDigest.Length > input.Length)
            return input;
        Encoding.ASCII.GetBytes(TouchMetadata.NoDigest, input.AsSpan(digits));
        Encoding.ASCII.GetBytes(Convert.ToHexStringLower(SHA256.HashData(input)), input.AsSpan(digits));
        return input;
    }

    public override Fate Read(byte[] input)
    {
        var fate = Fate.Read;
        PartReader.Guard(_file, () => fate = Decode(input));
        return fate;
    }

    public override void Dispose()
    {
        base.Dispose();
        _accesses.Dispose();
        _eventFile.Dispose();
        _touches.Dispose();
        _whole.Dispose();
    }

    private Fate Decode(byte[] input)
    {
        if (_file.StartsWith("events", StringComparison.Ordinal))
        {
            _eventFile.Open(input);
            for (var group = 0; group < _eventFile.RowGroups; group++)
            {
                _events.Clear();
                _eventFile.Read(group, _events);
            }
        }
        else if (_file == CaptureLayout.TouchFile(0))
        {
            if (_touches.Open(input, _manifest.Parts[0], 0) is not null)
                return Fate.Refused;
            Decode(_touches);
        }
        else
        {
            _accesses.Open(input);
            Decode(_accesses);
        }

        return Fate.Read;
    }

    private void Decode(IAccessGroups groups)
    {
        for (var group = 0; group < groups.RowGroups; group++)
        {
            _chunk.Clear();
            if (groups.RowsOf(group) <= TraceChunk.Capacity)
                groups.Read(group, _chunk);
        }
    }
}

/// <summary>The JSON in events.</summary>
internal sealed class DetailParser(string name) : Parser(name)
{
    public override IReadOnlyList<byte[]> Seeds { get; } =
    [
        Encoding.UTF8.GetBytes(EventDetail.Write(new VcpuState { Cr0 = 0x8005_0033, Cr3 = 0x1000, Cr4 = 0x6f0, Efer = 0xd01, Cpl = 3, Pkru = 4 })),
        Encoding.UTF8.GetBytes(EventDetail.Write(new MemslotChange { Slot = 2, Gpa = 0x10_0000, Size = 0x20_0000, Name = "ram" })),
        Encoding.UTF8.GetBytes(EventDetail.Write(new NestedEntry { NestedControl = 1, NestedCr3 = 0x30_0000, Cr0 = 0x8000_0011, Cr3 = 0x4000, Cr4 = 32, Efer = 0x1500 })),
        Encoding.UTF8.GetBytes(EventDetail.Write(new NestedExit { Info1 = 1, Info2 = 2, Cr0 = 4 })),
    ];

    public override bool IsText => true;

    public override Fate Read(byte[] input)
    {
        var row = new TraceEvent { Ordinal = 1, Kind = TraceEventKind.VcpuState, Detail = Encoding.UTF8.GetString(input) };
        var read = 0;
        Action[] readers = [() => EventDetail.ReadVcpuState(row), () => EventDetail.ReadMemslotChange(row), () => EventDetail.ReadNestedEntry(row), () => EventDetail.ReadNestedExit(row), () => EventDetail.ReadHostAnswer(row)];
        foreach (var reader in readers)
        {
            try
            {
                reader();
                read++;
            }
            catch (CaptureFormatException error) when (!error.Message.Contains('\n', StringComparison.Ordinal))
            {
            }
        }

        return read > 0 ? Fate.Read : Fate.Refused;
    }
}

/// <summary>Lines of a host's events.</summary>
internal sealed class HostScriptParser(string name) : Parser(name)
{
    public override IReadOnlyList<byte[]> Seeds { get; } =
    [
        """
        # what the host does
        {"at": 100, "op": "invalidate", "gpa": "0x100000", "size": 8192}
        {"marker": 3, "nth": 2, "op": "dirty_log_on", "gpa": 0, "initiallySet": true}
        {"at": 200, "op": "memslot", "slot": 5, "gpa": "0x40000000", "size": "0x200000", "readOnly": true, "name": "rom"}
        {"at": 300, "op": "nx_recovery"}
        """u8.ToArray(),
    ];

    public override bool IsText => true;

    public override Fate Read(byte[] input)
    {
        HostScript.Parse(Encoding.UTF8.GetString(input), "events.jsonl");
        return Fate.Read;
    }
}

/// <summary>Small captures to begin with.</summary>
internal static class CaptureFiles
{
    public static CaptureManifest Manifest => new() { Source = "synthetic", Tool = "fuzz", Vcpus = 2, MemoryBytes = 1 << 28 };

    public static CaptureManifest Write(string directory, bool rips, bool filter)
    {
        var rule = new FilterRule { Entries = 64, EpochLength = 1000, FlushOn = ["cr_write", "invlpg", "invpcid", "page_table_store", "pkru_write", "host_event", "epoch"] };
        var source = SyntheticRecorder.Open(new SyntheticOptions { Workload = "random", MaxAccesses = 1500, Filter = filter ? rule : null });
        using var writer = CaptureWriter.Create(directory, source.Manifest with { HasRips = rips || source.Manifest.HasRips });
        var chunk = new TraceChunk();
        while (source.TryRead(chunk))
        {
            chunk.HasRips = rips || source.Manifest.HasRips;
            writer.Write(chunk);
        }

        return writer.Complete("guest-exit", source.Manifest.AccessesSeen);
    }
}
