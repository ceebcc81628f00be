using System.Globalization;
using System.Text;
using Replay.Analyzer.Store;
using Replay.Trace;

namespace Replay.Cli.Commands;

/// <summary>How the lines of a capture are written.</summary>
/// <param name="Access">One access of a chunk.</param>
/// <param name="Event">One event.</param>
internal sealed record CaptureFormat(Func<TraceChunk, int, string> Access, CaptureFormat.EventText Event)
{
    /// <summary>Events are large, and passed by reference.</summary>
    public delegate string EventText(in TraceEvent row);
}

/// <summary>A capture's accesses and events for people.</summary>
internal static class CaptureText
{
    /// <param name="symbols">Names the guest's instructions; null: they are numbers.</param>
    /// <param name="spaces">Which address space the vCPUs are in.</param>
    public static CaptureFormat Lines(SymbolTable? symbols, AddressSpaces? spaces) => symbols is null
        ? new CaptureFormat(Access, Event)
        : new CaptureFormat(
            (chunk, i) => symbols.Annotate(Access(chunk, i), spaces?.At(chunk.Vcpus[i], chunk.Ordinals[i])),
            (in TraceEvent row) => symbols.Annotate(Event(row), spaces?.At(row.Vcpu, row.Ordinal)));

    private static string Access(TraceChunk chunk, int i)
    {
        var kind = (AccessKind)chunk.Kinds[i];
        var who = ((AccessFlags)chunk.Flags[i] & AccessFlags.User) != 0 ? "user" : "kernel";
        var rip = chunk.HasRips ? $" rip 0x{chunk.Rips[i]:x}" : "";
        return $"{chunk.Ordinals[i],12}  vcpu {chunk.Vcpus[i]}  {kind.ToString().ToLowerInvariant(),-16} {who,-6} gva 0x{chunk.Gvas[i]:x} gpa 0x{chunk.Gpas[i]:x} size {chunk.Sizes[i]}{rip}";
    }

    private static string Event(in TraceEvent row)
    {
        var text = new StringBuilder($"{row.Ordinal,12}  vcpu {row.Vcpu}  {TraceEventKindName.Of(row.Kind),-16}");
        Append(text, "access", row.Access?.ToString().ToLowerInvariant());
        Append(text, "flags", row.Flags is { } flags && flags != AccessFlags.None ? flags.ToString().ToLowerInvariant() : null);
        Append(text, "gva", Hex(row.Gva));
        Append(text, "l2_gpa", Hex(row.L2Gpa));
        Append(text, "gpa", Hex(row.Gpa));
        Append(text, "size", row.Size?.ToString(CultureInfo.InvariantCulture));
        Append(text, "value", Hex(row.Value));
        Append(text, "error", Hex(row.ErrorCode));
        Append(text, "rip", Hex(row.Rip));
        Append(text, "data", row.Data is { } data ? $"{data.Length} bytes" : null);
        Append(text, "detail", row.Detail);
        return text.ToString();
    }

    private static void Append(StringBuilder text, string name, string? value)
    {
        if (value is not null)
            text.Append(' ').Append(name).Append(' ').Append(value);
    }

    private static string? Hex(ulong? value) => value is { } number ? $"0x{number:x}" : null;
}
