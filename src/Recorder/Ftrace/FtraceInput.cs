using System.IO.Compression;
using System.Text;

namespace Replay.Recorder.Ftrace;

/// <summary>The text of a trace: a file or standard input, compressed with gzip or not.</summary>
public sealed class FtraceInput : IDisposable
{
    /// <summary>The name that stands for standard input.</summary>
    public const string StandardInput = "-";

    /// <summary>How much of the text is looked at before it is read, where it can be read once alone.</summary>
    public const int SurveyBytes = 16 << 20;

    private static readonly (byte[] Magic, string What)[] Binaries =
    [
        ("SQLite"u8.ToArray(), "a SQLite database, no trace"),
        ([0x28, 0xb5, 0x2f, 0xfd], "compressed with zstd: 'zstd -dc FILE | replay import ftrace -' reads it"),
        ([0xfd, (byte)'7', (byte)'z', (byte)'X', (byte)'Z'], "compressed with xz: 'xz -dc FILE | replay import ftrace -' reads it"),
    ];

    /// <summary>Binary files of tools, which their own tools make text of.</summary>
    private static readonly (byte[] Magic, string What, string Tool, string[] Arguments)[] Convertible =
    [
        ([0x17, 0x08, 0x44, (byte)'t', (byte)'r', (byte)'a', (byte)'c'], "trace-cmd's binary file", "trace-cmd", ["report", "-N", "-i"]),
        ("PERFILE2"u8.ToArray(), "perf's binary file", "perf", ["script", "--show-lost-events", "--force", "-i"]),
    ];

    private readonly Stream _raw;
    private readonly Stream _text;
    private readonly ReadAheadStream _stream;

    private FtraceInput(string name, Stream raw, Stream text, long? length)
    {
        Name = name;
        Length = length;
        _raw = raw;
        _text = text;
        _stream = new ReadAheadStream(text, SurveyBytes);
    }

    /// <summary>The file as the user named it.</summary>
    public string Name { get; }

    /// <summary>The command that makes text of the file; null: it is text.</summary>
    public string? Converter { get; private init; }

    /// <summary>Bytes of text where that is known.</summary>
    public long? Length { get; }

    /// <summary>The text, from its beginning.</summary>
    public Stream Text => _stream;

    /// <exception cref="RecorderException">The file is not there, cannot be read, or is no text.</exception>
    public static FtraceInput Open(string path)
    {
        Stream raw = path == StandardInput ? Console.OpenStandardInput() : OpenFile(path);
        try
        {
            var start = new byte[8];
            var got = raw.ReadAtLeast(start, start.Length, throwOnEndOfStream: false);
            var head = start.AsSpan(0, got);
            foreach (var (magic, what) in Binaries)
            {
                if (head.StartsWith(magic))
                    throw new RecorderException(RecorderFailure.BadInput, $"{path}: {what}.");
            }

            foreach (var (magic, what, tool, toolArguments) in Convertible)
            {
                if (!head.StartsWith(magic))
                    continue;
                var command = $"{tool} {string.Join(' ', toolArguments)} {path}";
                if (path == StandardInput)
                    throw new RecorderException(RecorderFailure.BadInput, $"{path}: {what}, which {tool} reads from a file only: '{tool} {string.Join(' ', toolArguments)} FILE | replay import ftrace -'.");
                raw.Dispose();
                raw = ConvertedStream.Open(path, what, command, tool, [.. toolArguments, path]);
                return new FtraceInput(path, raw, raw, null) { Converter = command };
            }

            var whole = new PrefixedStream(head.ToArray(), raw);
            if (head.StartsWith([(byte)0x1f, (byte)0x8b]))
                return new FtraceInput(path, raw, new GZipStream(whole, CompressionMode.Decompress), null);
            if (Encoding16(head) is { } encoding)
                return new FtraceInput(path, raw, Encoding.CreateTranscodingStream(whole, encoding, Encoding.UTF8), null);
            return new FtraceInput(path, raw, whole, raw.CanSeek ? raw.Length : null);
        }
        catch
        {
            raw.Dispose();
            throw;
        }
    }

    /// <summary>SHA-256 of the text read so far, hexadecimal.</summary>
    public string Hash() => _stream.Hash();

    /// <summary>
    /// What the text tells of the host. It can be read from its beginning afterwards. A file is looked at to its end; of standard input the first
    /// <see cref="SurveyBytes"/> are, and <see cref="HostFindings.IsPartial"/> says so.
    /// </summary>
    public HostFindings Survey(CancellationToken cancellation = default)
    {
        using var ahead = _stream.ReadAhead();
        var isWhole = ahead.Length < SurveyBytes;
        if (isWhole || Name == StandardInput)
            return Survey(ahead, cancellation) with { IsPartial = !isWhole };
        using var again = Open(Name);
        return Survey(again._text, cancellation);
    }

    private static HostFindings Survey(Stream text, CancellationToken cancellation)
    {
        var survey = new HostSurvey();
        var summary = FtraceReader.Read(text, survey, null, null, cancellation);
        cancellation.ThrowIfCancellationRequested();
        return survey.Findings(summary.Events);
    }

    public void Dispose()
    {
        _stream.Dispose();
        _text.Dispose();
        _raw.Dispose();
    }

    /// <summary>UTF-16, by its mark or because every other byte is 0: what PowerShell's redirection makes.</summary>
    private static Encoding? Encoding16(ReadOnlySpan<byte> head) => head switch
    {
        [0xff, 0xfe, ..] or [not 0, 0, not 0, 0, not 0, 0, not 0, 0] => Encoding.Unicode,
        [0xfe, 0xff, ..] or [0, not 0, 0, not 0, 0, not 0, 0, not 0] => Encoding.BigEndianUnicode,
        _ => null,
    };

    private static FileStream OpenFile(string path)
    {
        if (Directory.Exists(path))
            throw new RecorderException(RecorderFailure.BadInput, $"{path}: is a directory; the text of a trace is wanted.");
        if (!File.Exists(path))
            throw new RecorderException(RecorderFailure.InputMissing, $"{path}: no such trace.");
        return new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 16, FileOptions.SequentialScan);
    }
}
