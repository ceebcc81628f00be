using System.Text.Json.Serialization;

namespace Replay.Trace.Storage;

[JsonSerializable(typeof(CaptureManifest))]
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    WriteIndented = true,
    NewLine = "\n",
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    RespectNullableAnnotations = true,
    AllowDuplicateProperties = false)]
internal sealed partial class ManifestJson : JsonSerializerContext;
