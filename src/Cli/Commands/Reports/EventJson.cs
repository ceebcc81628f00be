using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Replay.Analyzer.Query;
using Replay.Analyzer.Store;
using Replay.Trace;

namespace Replay.Cli.Commands;

/// <summary>Accesses and events for scripts: an object a line. What an event does not have is left out.</summary>
internal static class EventJson
{
    private static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <param name="symbols">Names the guest's instructions; null: they are numbers.</param>
    /// <param name="spaces">Which address space the vCPUs are in.</param>
    public static CaptureFormat Lines(SymbolTable? symbols, AddressSpaces? spaces) => new(
        (chunk, i) => Access(chunk, i, symbols, spaces?.At(chunk.Vcpus[i], chunk.Ordinals[i])),
        (in TraceEvent row) => Event(row, symbols, spaces?.At(row.Vcpu, row.Ordinal)));

    public static string Of(EventLine line, SymbolTable? symbols, ulong? cr3) => Object(json =>
    {
        json.WriteNumber("ordinal", line.Ordinal);
        if (line.Seq is { } seq)
            json.WriteNumber("seq", seq);
        json.WriteString("kind", line.Kind);
        if (line.Vcpu is { } vcpu)
            json.WriteNumber("vcpu", vcpu);
        if (line.TableId is { } table)
            json.WriteNumber("tableId", table);
        Hex(json, "gfn", (ulong?)line.Gfn);
        json.WriteString("text", symbols?.Annotate(line.Text, cr3) ?? line.Text);
    });

    private static string Access(TraceChunk chunk, int i, SymbolTable? symbols, ulong? cr3) => Object(json =>
    {
        json.WriteNumber("ordinal", chunk.Ordinals[i]);
        json.WriteString("kind", "access");
        json.WriteNumber("vcpu", chunk.Vcpus[i]);
        json.WriteString("access", ((AccessKind)chunk.Kinds[i]).ToString().ToLowerInvariant());
        json.WriteBoolean("user", ((AccessFlags)chunk.Flags[i] & AccessFlags.User) != 0);
        Hex(json, "gva", chunk.Gvas[i]);
        Hex(json, "gpa", chunk.Gpas[i]);
        json.WriteNumber("size", chunk.Sizes[i]);
        if (chunk.HasRips)
            Rip(json, chunk.Rips[i], symbols, cr3);
    });

    private static string Event(in TraceEvent row, SymbolTable? symbols, ulong? cr3)
    {
        var copy = row;
        return Object(json =>
        {
            json.WriteNumber("ordinal", copy.Ordinal);
            json.WriteString("kind", TraceEventKindName.Of(copy.Kind));
            json.WriteNumber("vcpu", copy.Vcpu);
            if (copy.Access is { } access)
                json.WriteString("access", access.ToString().ToLowerInvariant());
            if (copy.Flags is { } flags && flags != AccessFlags.None)
                json.WriteString("flags", flags.ToString().ToLowerInvariant());
            Hex(json, "gva", copy.Gva);
            Hex(json, "l2Gpa", copy.L2Gpa);
            Hex(json, "gpa", copy.Gpa);
            if (copy.Size is { } size)
                json.WriteNumber("size", size);
            Hex(json, "value", copy.Value);
            Hex(json, "error", copy.ErrorCode);
            if (copy.Rip is { } rip)
                Rip(json, rip, symbols, cr3);
            if (copy.Data is { } data)
                json.WriteNumber("dataBytes", data.Length);
            if (copy.Detail is { } detail)
                json.WriteString("detail", detail);
        });
    }

    private static void Rip(Utf8JsonWriter json, ulong rip, SymbolTable? symbols, ulong? cr3)
    {
        Hex(json, "rip", rip);
        if (symbols?.Find(rip, cr3) is { } symbol)
            json.WriteString("symbol", symbol);
    }

    private static void Hex(Utf8JsonWriter json, string name, ulong? value)
    {
        if (value is { } number)
            json.WriteString(name, $"0x{number:x}");
    }

    private static string Object(Action<Utf8JsonWriter> write)
    {
        var buffer = new ArrayBufferWriter<byte>(256);
        using (var json = new Utf8JsonWriter(buffer, Options))
        {
            json.WriteStartObject();
            write(json);
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }
}
