using System.Buffers.Binary;
using System.IO.Hashing;
using System.Text;
using Replay.Trace;

namespace Replay.Recorder.Tests.Synthetic;

/// <summary>One number for everything a stream says.</summary>
internal static class StreamHash
{
    public static string Of(ITraceSource source)
    {
        var hash = new XxHash3();
        foreach (var row in Streams.Rows(source))
        {
            Add(hash, (ulong)row.Ordinal);
            if (row.Event is { } what)
                Add(hash, what);
            else
                Add(hash, row.Vcpu, (ulong)row.Kind, (ulong)row.Flags, row.Gva, row.Gpa, row.Size, row.Rip);
        }
        return hash.GetCurrentHashAsUInt64().ToString("x16");
    }

    private static void Add(XxHash3 hash, TraceEvent row)
    {
        Add(hash, (ulong)row.Kind, row.Vcpu, (ulong?)row.Access ?? 99, (ulong?)row.Flags ?? 99, row.Gva ?? 99, row.Gpa ?? 99);
        Add(hash, row.Size ?? 99, row.Value ?? 99, row.ErrorCode ?? 99, row.Rip ?? 99);
        hash.Append(Encoding.UTF8.GetBytes(row.Detail ?? ""));
        hash.Append(row.Data ?? []);
    }

    private static void Add(XxHash3 hash, params ReadOnlySpan<ulong> words)
    {
        Span<byte> bytes = stackalloc byte[8];
        foreach (var word in words)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(bytes, word);
            hash.Append(bytes);
        }
    }
}
