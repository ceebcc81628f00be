using System.Text.Json.Serialization;

namespace Replay.Trace;

[JsonSerializable(typeof(VcpuState))]
[JsonSerializable(typeof(MemslotChange))]
[JsonSerializable(typeof(HostAnswer))]
[JsonSerializable(typeof(NestedEntry))]
[JsonSerializable(typeof(NestedExit))]
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
internal sealed partial class EventDetailJson : JsonSerializerContext;
