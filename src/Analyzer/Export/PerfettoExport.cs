using Google.Protobuf;
using Replay.Analyzer.Query;
using Replay.Analyzer.Store;

namespace Replay.Analyzer.Export;

/// <summary>
/// A run as a trace for Perfetto's viewer (ui.perfetto.dev): a track for each vCPU with its exits, and the faults handled in them, as nested
/// slices; counters of KVM's table pages, mapped pages, writes and flushes. An ordinal takes a microsecond; of an observed run, time is the trace's own.
/// </summary>
public static class PerfettoExport
{
    /// <summary>Time that one ordinal takes, in nanoseconds: what happens within it is spread over this.</summary>
    private const long OrdinalTime = 1000;

    private const ulong ProcessTrack = 1;
    private const ulong FirstVcpuTrack = 16;
    private const ulong FirstCounterTrack = 4096;

    /// <summary>Values of a counter that has one for each change, at most.</summary>
    private const long Stretches = 2000;

    /// <param name="database">Where the run is.</param>
    /// <param name="run">Which.</param>
    /// <param name="output">Where the trace goes.</param>
    /// <param name="progress">Told the slices written so far.</param>
    /// <param name="cancellation">Stops it.</param>
    /// <returns>Slices written.</returns>
    public static long Write(Database database, RunRow run, Stream output, Action<long>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(database);
        ArgumentNullException.ThrowIfNull(run);
        using var trace = new PerfettoWriter(output);
        trace.Process(ProcessTrack, $"{run.Name}: {run.Mode}, {run.Profile}, Linux {run.Kernel}");
        var runner = new QueryRunner(database);
        var slices = Slices(runner, run, trace, progress, cancellation);
        var width = Math.Max(1, (run.LastOrdinal ?? 0) / Stretches);
        foreach (var (name, sql) in (ReadOnlySpan<(string, string)>)
        [
            ("table pages", "SELECT last_ordinal, held FROM table_memory WHERE run = :run AND level = 0"),
            ("mapped pages of 4 KiB", $"SELECT max(ordinal), sum(sum({Pages("new_kind")} - {Pages("old_kind")})) OVER (ORDER BY ordinal / {width}) FROM table_write WHERE run = :run GROUP BY ordinal / {width}"),
            ("table writes in the stretch", "SELECT last_ordinal, sum(count) FROM activity WHERE run = :run AND kind = 'write' GROUP BY 1"),
            ("TLB flushes in the stretch", "SELECT last_ordinal, sum(count) FROM activity WHERE run = :run AND kind = 'flush' GROUP BY 1"),
        ])
        {
            Counter(runner, run, trace, name, sql, cancellation);
        }

        return slices;
    }

    private static long Slices(QueryRunner runner, RunRow run, PerfettoWriter trace, Action<long>? progress, CancellationToken cancellation)
    {
        var parameters = Run(run);
        // Of an observed run, the trace's time stands beside each row.
        var time = run.Mode == "observed" ? "(SELECT time FROM observed_event AS e WHERE e.run = x.run AND e.ordinal = x.ordinal)" : "NULL";
        using var exits = new SliceReader(runner.Execute(
            $"SELECT ordinal, seq, exit_id, {time}, vcpu, reason, 'qualification', info1_hex, 'address or value', info2_hex, 'access', access, 'rip', rip_hex FROM vm_exit AS x WHERE run = :run ORDER BY ordinal, seq",
            parameters,
            cancellation: cancellation));
        using var faults = new SliceReader(runner.Execute(
            $"SELECT ordinal, seq, exit_id, {time}, vcpu, coalesce(handler, 'fault'), 'address', address_hex, 'error code', error_code_hex, 'outcome', outcome, 'gva', gva_hex, 'mapped level', mapped_level, 'writes', writes FROM fault AS x WHERE run = :run ORDER BY ordinal, seq",
            parameters,
            cancellation: cancellation));
        var vcpus = new HashSet<long>();
        var group = new List<Slice>();
        var written = 0L;
        var now = long.MinValue;
        while (exits.Current is not null || faults.Current is not null)
        {
            var ordinal = Math.Min(exits.Current?.Ordinal ?? long.MaxValue, faults.Current?.Ordinal ?? long.MaxValue);
            group.Clear();
            while (exits.Current is { } exit && exit.Ordinal == ordinal)
            {
                group.Add(exit);
                exits.Next();
            }

            while (faults.Current is { } fault && fault.Ordinal == ordinal)
            {
                if (group.Find(each => each.Parent is null && each.Exit == fault.Exit && fault.Exit is not null) is { } parent)
                    group.Add(fault with { Parent = parent.Exit });
                else
                    group.Add(fault);
                faults.Next();
            }

            now = Spread(group, now, vcpus, trace);
            written += group.Count;
            if ((written & 0xfff) < group.Count)
                progress?.Invoke(written);
        }

        return written;
    }

    /// <summary>Beginnings and ends of one ordinal's slices, in order and evenly over its time, none before those of the ordinal before.</summary>
    /// <returns>When the last of them is over.</returns>
    private static long Spread(List<Slice> group, long earliest, HashSet<long> vcpus, PerfettoWriter trace)
    {
        var step = Math.Max(1, OrdinalTime / ((group.Count * 2) + 1));
        var now = Math.Max(earliest, group[0].Time ?? group[0].Ordinal * OrdinalTime);
        foreach (var slice in group.Where(slice => slice.Parent is null).OrderBy(slice => slice.Seq))
        {
            var track = FirstVcpuTrack + (ulong)slice.Vcpu;
            if (vcpus.Add(slice.Vcpu))
                trace.Thread(track, ProcessTrack, (int)slice.Vcpu, $"vCPU {slice.Vcpu}");
            trace.Begin(now, track, slice);
            now += step;
            foreach (var child in group.Where(child => child.Parent is not null && child.Parent == slice.Exit).OrderBy(child => child.Seq))
            {
                trace.Begin(now, track, child);
                now += step;
                trace.End(now, track);
                now += step;
            }

            trace.End(now, track);
            now += step;
        }

        return now;
    }

    private static void Counter(QueryRunner runner, RunRow run, PerfettoWriter trace, string name, string sql, CancellationToken cancellation)
    {
        var track = trace.Counter(ProcessTrack, name);
        // An observed run's time stands beside its events; where a stretch ends between two, the last before counts.
        var time = run.Mode == "observed"
            ? "coalesce((SELECT time FROM observed_event WHERE run = :run AND ordinal <= c.ordinal AND time IS NOT NULL ORDER BY run DESC, ordinal DESC LIMIT 1), 0)"
            : FormattableString.Invariant($"c.ordinal * {OrdinalTime}");
        using var rows = runner.Execute($"WITH c (ordinal, value) AS ({sql}) SELECT {time}, value FROM c ORDER BY ordinal", Run(run), cancellation: cancellation);
        rows.NextResult();
        while (rows.Read())
            trace.Value(rows[0].Integer, track, rows[1].Integer);
    }

    /// <summary>Pages that an entry of a kind maps.</summary>
    private static string Pages(string kind) => $"CASE {kind} WHEN 'page' THEN 1 WHEN 'huge' THEN 1 << 9 * (level - 1) ELSE 0 END";

    private static Dictionary<string, SqlValue> Run(RunRow run) => new(StringComparer.Ordinal) { ["run"] = SqlValue.Of(run.Run) };

    /// <summary>An exit or a fault.</summary>
    internal sealed record Slice(long Ordinal, long Seq, long? Exit, long? Time, long Vcpu, string Name, IReadOnlyList<(string Name, SqlValue Value)> Arguments)
    {
        /// <summary>The exit of this ordinal that a fault came from; null: it stands on its own.</summary>
        public long? Parent { get; init; }
    }

    /// <summary>Rows as slices, one ahead.</summary>
    private sealed class SliceReader : IDisposable
    {
        private const int FirstArgument = 6;

        private readonly QueryExecution _rows;

        public SliceReader(QueryExecution rows)
        {
            _rows = rows;
            rows.NextResult();
            Next();
        }

        public Slice? Current { get; private set; }

        public void Next()
        {
            if (!_rows.Read())
            {
                Current = null;
                return;
            }

            var arguments = new List<(string Name, SqlValue Value)>();
            for (var i = FirstArgument; i < _rows.Columns.Count; i += 2)
            {
                if (_rows[i + 1].Kind != SqlValueKind.Null)
                    arguments.Add((_rows[i].ToString(), _rows[i + 1]));
            }

            Current = new Slice(_rows[0].Integer, _rows[1].Integer, Optional(_rows[2]), Optional(_rows[3]), Optional(_rows[4]) ?? 255, _rows[5].ToString(), arguments);
        }

        public void Dispose() => _rows.Dispose();

        private static long? Optional(SqlValue value) => value.Kind == SqlValueKind.Null ? null : value.Integer;
    }

    /// <summary>
    /// Packets of Perfetto's trace format, with the fields of its public protos (perfetto.protos.Trace, TracePacket, TrackDescriptor, TrackEvent,
    /// DebugAnnotation; Apache-2.0) that are needed here.
    /// </summary>
    private sealed class PerfettoWriter(Stream output) : IDisposable
    {
        private const uint Sequence = 1;
        private const int Begins = 1;
        private const int Ends = 2;
        private const int IsCounter = 4;

        private readonly CodedOutputStream _output = new(output, leaveOpen: true);
        private ulong _counter = FirstCounterTrack;

        public void Process(ulong track, string name) => Descriptor(track, null, name, 3, Message(process =>
        {
            Int(process, 1, 1);
            Text(process, 6, name);
        }));

        public void Thread(ulong track, ulong parent, int number, string name) => Descriptor(track, parent, name, 4, Message(thread =>
        {
            Int(thread, 1, 1);
            Int(thread, 2, (ulong)number + 2);
            Text(thread, 5, name);
        }));

        public ulong Counter(ulong parent, string name)
        {
            Descriptor(_counter, parent, name, 8, Message(counter => Int(counter, 3, 2)));
            return _counter++;
        }

        public void Begin(long time, ulong track, Slice slice) => Event(time, track, Begins, packet =>
        {
            Text(packet, 22, slice.Parent is null ? "exit" : "fault");
            Text(packet, 23, slice.Name);
            foreach (var (name, value) in slice.Arguments.Append(("ordinal", SqlValue.Of(slice.Ordinal))).Append(("seq", SqlValue.Of(slice.Seq))))
            {
                Bytes(packet, 4, Message(annotation =>
                {
                    Text(annotation, 10, name);
                    if (value.Kind == SqlValueKind.Integer)
                        Int(annotation, 4, unchecked((ulong)value.Integer));
                    else
                        Text(annotation, 6, value.ToString());
                }));
            }
        });

        public void End(long time, ulong track) => Event(time, track, Ends, _ => { });

        public void Value(long time, ulong track, long value) => Event(time, track, IsCounter, packet => Int(packet, 30, unchecked((ulong)value)));

        public void Dispose()
        {
            _output.Flush();
            _output.Dispose();
        }

        private void Event(long time, ulong track, int type, Action<CodedOutputStream> rest) => Packet(packet =>
        {
            Int(packet, 8, unchecked((ulong)time));
            Bytes(packet, 11, Message(body =>
            {
                Int(body, 9, (ulong)type);
                Int(body, 11, track);
                rest(body);
            }));
        });

        private void Descriptor(ulong track, ulong? parent, string name, int field, byte[] what) => Packet(packet => Bytes(packet, 60, Message(body =>
        {
            Int(body, 1, track);
            if (parent is { } above)
                Int(body, 5, above);
            Text(body, 2, name);
            Bytes(body, field, what);
        })));

        private void Packet(Action<CodedOutputStream> write) => Bytes(_output, 1, Message(packet =>
        {
            write(packet);
            Int(packet, 10, Sequence);
        }));

        private static byte[] Message(Action<CodedOutputStream> write)
        {
            using var buffer = new MemoryStream();
            using (var message = new CodedOutputStream(buffer, leaveOpen: true))
                write(message);
            return buffer.ToArray();
        }

        private static void Int(CodedOutputStream to, int field, ulong value)
        {
            to.WriteTag(field, WireFormat.WireType.Varint);
            to.WriteUInt64(value);
        }

        private static void Text(CodedOutputStream to, int field, string value)
        {
            to.WriteTag(field, WireFormat.WireType.LengthDelimited);
            to.WriteString(value);
        }

        private static void Bytes(CodedOutputStream to, int field, byte[] value)
        {
            to.WriteTag(field, WireFormat.WireType.LengthDelimited);
            to.WriteBytes(UnsafeByteOperations.UnsafeWrap(value));
        }
    }
}
