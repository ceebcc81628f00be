using System.IO.Compression;
using System.Text;
using Replay.Recorder.Bochs;
using Replay.Recorder.Qemu;
using Replay.Trace;

namespace Replay.Fuzz;

/// <summary>What Bochs's debugger prints where a recording starts, and of each instruction and access from then on.</summary>
internal sealed class BochsParser : Parser, ITraceSink
{
    /// <summary>Bytes of the smallest machine that is recorded.</summary>
    private const int Memory = 4 << 20;

    /// <summary>Pieces that go on from one another, in an input that is longer.</summary>
    private const int Together = 6;

    private static readonly string[] Files = ["nvmx.txt.gz", "nsvm32.txt.gz", "paewp.txt.gz"];

    private long _next;

    public BochsParser(string name)
        : base(name)
    {
        var start = Text("start.txt.gz");
        var pieces = Files.SelectMany(file => Text(file).Split("\n\n")).Select(piece => piece + "\n").ToList();
        Seeds = [.. pieces.Select(Encoding.ASCII.GetBytes), .. pieces.Chunk(Together).Select(group => Encoding.ASCII.GetBytes(start + string.Concat(group)))];
    }

    public override IReadOnlyList<byte[]> Seeds { get; }

    public override bool IsText => true;

    public override Fate Read(byte[] input)
    {
        _next = 0;
        var start = new StartText();
        var stream = new CaptureStream(this);
        var tracker = (BochsTracker?)null;
        foreach (var range in input.AsSpan().Split((byte)'\n'))
        {
            var line = input.AsSpan(range);
            if (line.StartsWith("Memory-Tracing enabled"u8) || line.StartsWith("rax: "u8) || line.StartsWith("(0).["u8) || line.StartsWith("[CPU0"u8))
                tracker ??= new BochsTracker(new GuestRam(Memory), stream, start.Context(), new BochsFindings(), new BochsPorts(0xe0, 0xf4));
            if (tracker is null)
                start.Take(line);
            else
                tracker.Take(line);
        }

        tracker?.Finish();
        stream.Write();
        return tracker is null ? Fate.Refused : Fate.Read;
    }

    /// <summary>Rows have their places one behind the other, and sizes that a capture may have.</summary>
    public void Write(TraceChunk chunk)
    {
        var rows = chunk.AccessCount + chunk.Events.Count;
        if (chunk.Events.Count > 0 && chunk.Events.Any(row => row.Kind == TraceEventKind.PageImage && row.Data is { } data && data.Length != GuestRam.PageSize))
            throw new InvalidOperationException("an image of a page has not its size");
        if (chunk.Events.Any(row => row.Ordinal < _next || row.Ordinal >= _next + rows))
            throw new InvalidOperationException($"an event of {rows} rows from {_next} has another ordinal");
        _next += rows;
    }

    private static string Text(string file)
    {
        using var text = new GZipStream(File.OpenRead(Repository.Data("bochs", file)), CompressionMode.Decompress);
        using var reader = new StreamReader(text);
        return reader.ReadToEnd();
    }
}

/// <summary>A line of QEMU's machine protocol.</summary>
internal sealed class QmpParser(string name) : Parser(name)
{
    public override IReadOnlyList<byte[]> Seeds { get; } =
    [
        """{"QMP": {"version": {"qemu": {"micro": 8, "minor": 0, "major": 10}, "package": "Debian 1:10.0.8"}, "capabilities": ["oob"]}}"""u8.ToArray(),
        """{"return": {}, "id": 1}"""u8.ToArray(),
        """{"return": "FlatView #0\r\n AS \"memory\", root: system\r\n", "id": 7}"""u8.ToArray(),
        """{"id": 8, "error": {"class": "CommandNotFound", "desc": "The command human-monitor-comand has not been found"}}"""u8.ToArray(),
        """{"timestamp": {"seconds": 1764421992, "microseconds": 7}, "event": "SHUTDOWN", "data": {"guest": true, "reason": "guest-shutdown"}}"""u8.ToArray(),
        """{"timestamp": {"seconds": 1764421992, "microseconds": 7}, "event": "RESUME"}"""u8.ToArray(),
    ];

    public override bool IsText => true;

    public override Fate Read(byte[] input)
    {
        QmpMessage.Parse(input);
        return Fate.Read;
    }
}

/// <summary>A kernel that Bochs is to enter.</summary>
internal sealed class MultibootParser(string name, string folder) : Parser(name)
{
    public override IReadOnlyList<byte[]> Seeds { get; } =
        [.. ((string[])["lm4k.elf", "p32.elf"]).Select(file => File.ReadAllBytes(Repository.Data("payloads", file)))];

    public override Fate Read(byte[] input)
    {
        foreach (var segment in MultibootKernel.Read(Parsers.Put(folder, "kernel.elf", input)).Segments)
            _ = segment.Gpa + segment.Content.Length;
        return Fate.Read;
    }
}
