using System.IO.Hashing;
using System.Text;
using Replay.Trace.Tracepoints;

namespace Replay.Recorder.Ftrace;

/// <summary>
/// Every name of a trace once, found by its bytes without making a string. Bounded, since the names come from a file: those beyond the
/// limit share one.
/// </summary>
internal sealed class NameTable(Func<string, TracepointKind> kindOf)
{
    private const int Limit = 4096;
    private const string Overflow = "(more names than a trace has)";

    private readonly Dictionary<ulong, List<(byte[] Bytes, TracepointName Name)>> _names = [];
    private TracepointName? _overflow;
    private int _count;

    public TracepointName Get(ReadOnlySpan<byte> bytes)
    {
        var hash = XxHash3.HashToUInt64(bytes);
        if (_names.TryGetValue(hash, out var sameHash))
        {
            foreach (var (known, name) in sameHash)
            {
                if (bytes.SequenceEqual(known))
                    return name;
            }
        }

        if (_count >= Limit)
            return _overflow ??= new TracepointName(_count, Overflow, TracepointKind.Other);
        var text = Encoding.UTF8.GetString(bytes);
        var added = new TracepointName(_count++, text, kindOf(text));
        if (sameHash is null)
            _names[hash] = sameHash = [];
        sameHash.Add((bytes.ToArray(), added));
        return added;
    }
}
