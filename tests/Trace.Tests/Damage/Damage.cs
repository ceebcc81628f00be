using System.Security.Cryptography;
using Replay.Trace.Storage;

namespace Replay.Trace.Tests;

/// <summary>A capture in memory that can be put back as it was, and signed anew after it was changed.</summary>
internal sealed class Damage
{
    private readonly string _directory;
    private readonly Dictionary<string, byte[]> _files;

    public Damage(string directory)
    {
        _directory = directory;
        _files = Directory.GetFiles(directory).ToDictionary(file => Path.GetFileName(file)!, File.ReadAllBytes, StringComparer.Ordinal);
    }

    public IEnumerable<string> Files => _files.Keys.Order(StringComparer.Ordinal);

    public byte[] Content(string file) => _files[file].AsSpan().ToArray();

    public void Put(string file, ReadOnlySpan<byte> content) => File.WriteAllBytes(Path.Combine(_directory, file), content);

    public void Remove(string file) => File.Delete(Path.Combine(_directory, file));

    public void Restore(string file) => Put(file, _files[file]);

    /// <summary>Makes the manifest's checksums fit whatever the files now hold, as a forger would.</summary>
    public void Sign(Func<CaptureManifest, CaptureManifest>? change = null)
    {
        var manifest = ManifestFile.Parse(Content(CaptureLayout.Manifest), "manifest.json");
        var parts = manifest.Parts.Select(part => part with { AccessSha256 = Digest(part.AccessFile), EventSha256 = Digest(part.EventFile) });
        manifest = manifest with { Parts = [.. parts] };
        Put(CaptureLayout.Manifest, ManifestFile.Serialize(change?.Invoke(manifest) ?? manifest));
    }

    /// <summary>Reads everything there is; the error, if that fails as it should, is one line that names the file.</summary>
    public static string? Error(string directory, string? file = null)
    {
        try
        {
            Captures.Read(directory);
            return null;
        }
        catch (CaptureFormatException error)
        {
            Assert.DoesNotContain('\n', error.Message);
            Assert.EndsWith(".", error.Message, StringComparison.Ordinal);
            if (file is not null)
                Assert.Contains(file, error.Message, StringComparison.Ordinal);
            return error.Message;
        }
    }

    private string Digest(string file) => Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(Path.Combine(_directory, file))));
}
