using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Schema;
using Replay.Trace.Storage;

namespace Replay.Trace.Tests;

public sealed class ManifestTests
{
    private static readonly CaptureManifest Full = Captures.Manifest(hasRips: true) with
    {
        Complete = true,
        EndReason = "guest-exit",
        AccessesSeen = 7,
        Parts =
        [
            new CapturePart
            {
                AccessFile = "accesses-00000.parquet",
                EventFile = "events-00000.parquet",
                AccessSha256 = new string('a', 64),
                EventSha256 = new string('b', 64),
                FirstOrdinal = 3,
                LastOrdinal = 9,
                Accesses = 5,
                Events = 2,
                Bytes = 100,
            },
        ],
    };

    [Fact]
    public void A_manifest_reads_back_as_it_was_written()
    {
        var bytes = ManifestFile.Serialize(Full);
        Assert.Equal(bytes, ManifestFile.Serialize(ManifestFile.Parse(bytes, "manifest.json")));
    }

    [Fact]
    public void Its_text_is_stable()
    {
        var lines = Encoding.UTF8.GetString(ManifestFile.Serialize(Full)).Split('\n');
        Assert.Equal("{", lines[0]);
        Assert.Equal("""  "format": "replay-capture",""", lines[1]);
        Assert.Equal("""  "version": 2,""", lines[2]);
        Assert.StartsWith("""  "checksum": """, lines[^3], StringComparison.Ordinal);
        Assert.Equal("", lines[^1]);
    }

    [Fact]
    public void A_newer_version_is_told_from_damage_even_when_everything_else_has_changed()
    {
        var error = Error("""{ "format": "replay-capture", "version": 3, "parts": "elsewhere" }""");
        Assert.Equal("manifest.json: capture format version 3, but this tool reads up to version 2. Use a newer replay.", error);
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("\u0000\u0001")]
    [InlineData("""{ "format": 1 }""")]
    [InlineData("""{ "format": "zip", "version": 1 }""")]
    [InlineData("""{ "format": "replay-capture" }""")]
    [InlineData("""{ "format": "replay-capture", "version": "1" }""")]
    [InlineData("""{ "format": "replay-capture", "version": 1.5 }""")]
    [InlineData("""{ "format": "replay-capture", "version": 0 }""")]
    [InlineData("""{ "format": "replay-capture", "version": 99999999999 }""")]
    [InlineData("""{ "format": "replay-capture", "version": 1 }""")]
    public void What_is_no_manifest_is_one_clear_line(string text)
    {
        var error = Error(text);
        Assert.StartsWith("manifest.json: ", error, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error);
    }

    [Theory]
    [InlineData("vcpus", "0")]
    [InlineData("vcpus", "257")]
    [InlineData("vcpus", "\"1\"")]
    [InlineData("vcpus", "null")]
    [InlineData("complete", "1")]
    [InlineData("source", "null")]
    [InlineData("origin", "{\"a\":1}")]
    [InlineData("origin", "null")]
    [InlineData("memoryBytes", "-1")]
    [InlineData("filter", "{\"entries\":3,\"epochLength\":1,\"flushOn\":[]}")]
    [InlineData("filter", "{\"entries\":4,\"epochLength\":0,\"flushOn\":[]}")]
    [InlineData("filter", "{\"entries\":4}")]
    [InlineData("filter", "[]")]
    [InlineData("accessesSeen", "-1")]
    [InlineData("blind", "null")]
    [InlineData("parts", "null")]
    [InlineData("parts", "[null]")]
    [InlineData("parts", "7")]
    [InlineData("extra", "7")]
    public void A_key_of_the_wrong_kind_is_one_clear_line(string key, string value)
    {
        var manifest = JsonNode.Parse(ManifestFile.Serialize(Full))!.AsObject();
        var checksum = manifest["checksum"]!.DeepClone();
        manifest.Remove("checksum");
        manifest[key] = JsonNode.Parse(value);
        manifest["checksum"] = checksum;
        var error = Error(Signed(manifest));
        Assert.DoesNotContain('\n', error);
        Assert.Contains(key, error, StringComparison.OrdinalIgnoreCase);
    }

    [Theory]
    [InlineData("accessFile", "\"../../etc/passwd\"")]
    [InlineData("accessFile", "null")]
    [InlineData("eventFile", "\"events-00001.parquet\"")]
    [InlineData("accessSha256", "\"12\"")]
    [InlineData("firstOrdinal", "-1")]
    [InlineData("firstOrdinal", "10")]
    [InlineData("lastOrdinal", "9223372036854775807")]
    [InlineData("events", "-1")]
    public void A_part_that_cannot_be_is_one_clear_line(string key, string value)
    {
        var manifest = JsonNode.Parse(ManifestFile.Serialize(Full))!.AsObject();
        manifest["parts"]![0]![key] = JsonNode.Parse(value);
        var error = Error(Signed(manifest));
        Assert.DoesNotContain('\n', error);
        Assert.Contains("parts[0]", error, StringComparison.Ordinal);
    }

    [Fact]
    public void Garbage_never_gives_anything_but_one_line()
    {
        var random = new Random(3);
        var text = Encoding.UTF8.GetString(ManifestFile.Serialize(Full));
        string[] snippets = ["null", "{", "}", "[", "\"", ",", "-1", "1e999", "\\u0000", "true", "\"vcpus\": 3,", "\ud83d\ude00"];
        for (var round = 0; round < 3000; round++)
        {
            var at = random.Next(text.Length);
            var garbage = text.Remove(at, random.Next(Math.Min(20, text.Length - at))).Insert(at, snippets[random.Next(snippets.Length)]);
            try
            {
                ManifestFile.Parse(Sign(garbage), "manifest.json");
            }
            catch (CaptureFormatException error)
            {
                Assert.DoesNotContain('\n', error.Message);
            }
        }
    }

    [Fact]
    public void The_JSON_schema_has_exactly_the_keys_that_are_written()
    {
        var documented = JsonNode.Parse(File.ReadAllText(Repository.PathOf("schemas", "capture", "manifest-v2.schema.json")))!;
        var written = ManifestJson.Default.CaptureManifest.Options.GetJsonSchemaAsNode(typeof(CaptureManifest));
        AssertSameKeys(written, documented);
        AssertSameKeys(written["properties"]!["filter"]!, documented["properties"]!["filter"]!);
        AssertSameKeys(written["properties"]!["parts"]!["items"]!, documented["properties"]!["parts"]!["items"]!);
        Assert.Equal(CaptureManifest.CurrentVersion, documented["properties"]!["version"]!["const"]!.GetValue<int>());
        Assert.Equal(CaptureManifest.FormatName, documented["properties"]!["format"]!["const"]!.GetValue<string>());
    }

    private static void AssertSameKeys(JsonNode written, JsonNode documented) =>
        Assert.Equal(Keys(written["properties"]!), Keys(documented["properties"]!));

    private static IEnumerable<string> Keys(JsonNode node) => node.AsObject().Select(pair => pair.Key);

    private static string Error(string text) => Error(Encoding.UTF8.GetBytes(text));

    private static string Error(byte[] content) => Assert.Throws<CaptureFormatException>(() => ManifestFile.Parse(content, "manifest.json")).Message;

    private static byte[] Signed(JsonObject manifest) =>
        Sign(manifest.ToJsonString(new JsonSerializerOptions { WriteIndented = true, NewLine = "\n" }) + "\n");

    /// <summary>Gives a text that ends like a manifest a checksum that fits, as a forger would.</summary>
    private static byte[] Sign(string text)
    {
        var content = Encoding.UTF8.GetBytes(text);
        var digits = content.Length - 68;
        if (digits < 0)
            return content;
        content.AsSpan(digits, 64).Fill((byte)'0');
        var digest = Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(content));
        Encoding.ASCII.GetBytes(digest, content.AsSpan(digits));
        return content;
    }
}
