using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Replay.Trace.Storage;

/// <summary>Reads and writes <c>manifest.json</c>. The file carries its own checksum, so that no bit of it can flip unseen.</summary>
internal static class ManifestFile
{
    private const int MaxBytes = 64 << 20;

    private const int DigestDigits = 64;

    private static readonly string NoDigest = new('0', DigestDigits);

    private static ReadOnlySpan<byte> Before => "\"checksum\": \""u8;

    private static ReadOnlySpan<byte> After => "\"\n}\n"u8;

    public static void Write(string directory, CaptureManifest manifest) =>
        DurableFile.Write(Path.Combine(directory, CaptureLayout.Manifest), Serialize(manifest));

    /// <exception cref="CaptureFormatException">No capture, a damaged manifest, or one of a newer version.</exception>
    public static CaptureManifest Read(string directory)
    {
        var path = Path.Combine(directory, CaptureLayout.Manifest);
        if (!File.Exists(path) && CaptureDirectory.IsStillborn(directory))
            throw new CaptureFormatException($"{directory}: its recorder was stopped before it had recorded anything. Record into the same name again, or remove it.");
        if (!File.Exists(path))
            throw new CaptureFormatException($"{directory}: no {CaptureLayout.Manifest} in it, so it is not a capture. Give the directory that `replay record` made.");
        if (new FileInfo(path).Length > MaxBytes)
            throw new CaptureFormatException($"{path}: larger than any manifest is ({MaxBytes >> 20} MiB). Record the capture again.");
        return Parse(File.ReadAllBytes(path), path);
    }

    public static byte[] Serialize(CaptureManifest manifest)
    {
        var json = JsonSerializer.Serialize(manifest with { Checksum = NoDigest }, ManifestJson.Default.CaptureManifest);
        var content = Encoding.UTF8.GetBytes(json + "\n");
        var digest = Convert.ToHexStringLower(SHA256.HashData(content));
        Encoding.ASCII.GetBytes(digest, Digest(content));
        return content;
    }

    public static CaptureManifest Parse(byte[] content, string path)
    {
        CheckIdentity(content, path);
        CheckDigest(content, path);
        CaptureManifest manifest;
        try
        {
            manifest = JsonSerializer.Deserialize(content, ManifestJson.Default.CaptureManifest)
                ?? throw Damaged(path, "it holds null", null);
        }
        catch (JsonException error)
        {
            throw Damaged(path, OneLine(error), error);
        }
        ManifestRules.Check(manifest, path);
        return manifest;
    }

    /// <summary>Looks at format and version alone: all else may have changed in a newer version.</summary>
    private static void CheckIdentity(byte[] content, string path)
    {
        int version;
        try
        {
            using var document = JsonDocument.Parse(content);
            if (document.RootElement.ValueKind != JsonValueKind.Object
                || !document.RootElement.TryGetProperty("format", out var format)
                || format.ValueKind != JsonValueKind.String
                || format.GetString() != CaptureManifest.FormatName)
            {
                throw new CaptureFormatException($"{path}: not the manifest of a capture: its format is not \"{CaptureManifest.FormatName}\". Give the directory that `replay record` made.");
            }
            if (!document.RootElement.TryGetProperty("version", out var number) || number.ValueKind != JsonValueKind.Number || !number.TryGetInt32(out version))
                throw Damaged(path, "its version is not a number", null);
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            throw Damaged(path, OneLine(error), error);
        }
        if (version > CaptureManifest.CurrentVersion)
            throw new CaptureFormatException($"{path}: capture format version {version}, but this tool reads up to version {CaptureManifest.CurrentVersion}. Use a newer replay.");
        if (version < 1)
            throw Damaged(path, $"its version is {version}", null);
    }

    private static void CheckDigest(byte[] content, string path)
    {
        var tail = Before.Length + DigestDigits + After.Length;
        if (content.Length < tail || !content.AsSpan(content.Length - tail).StartsWith(Before) || !content.AsSpan().EndsWith(After))
            throw Damaged(path, "it does not end with its checksum", null);
        var zeroed = content.AsSpan().ToArray();
        Digest(zeroed).Fill((byte)'0');
        var digest = Encoding.ASCII.GetBytes(Convert.ToHexStringLower(SHA256.HashData(zeroed)));
        if (!Digest(content).SequenceEqual(digest))
            throw Damaged(path, "its checksum does not match its content", null);
    }

    private static Span<byte> Digest(byte[] content) => content.AsSpan(content.Length - After.Length - DigestDigits, DigestDigits);

    private static CaptureFormatException Damaged(string path, string what, Exception? inner)
    {
        var message = $"{path}: damaged manifest: {what}. Copy or record the capture again.";
        return inner is null ? new CaptureFormatException(message) : new CaptureFormatException(message, inner);
    }

    private static string OneLine(Exception error) => error.Message.ReplaceLineEndings(" ").TrimEnd('.', ' ');
}
