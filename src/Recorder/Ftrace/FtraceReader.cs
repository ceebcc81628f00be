using System.Buffers;
using System.Text;
using Replay.Trace.Tracepoints;

namespace Replay.Recorder.Ftrace;

/// <summary>
/// Reads the text of a trace: the tracefs <c>trace</c> file, <c>trace-cmd report</c>, <c>perf script</c>. Whatever the text holds, it
/// is taken, or named by its line and counted.
/// </summary>
public sealed class FtraceReader
{
    private const int LinesPerReport = 4096;
    private const int QuotedCharacters = 120;

    private static readonly SearchValues<byte> AddressDigits = SearchValues.Create("0123456789abcdefABCDEFx"u8);

    private readonly LineSplitter _lines;
    private readonly TracepointSink _sink;
    private readonly IFtraceProblems? _problems;
    private readonly NameTable _names = new(TracepointKinds.Of);
    private readonly NameTable _functions = new(_ => TracepointKind.Other);
    private readonly NameTable _reasons = new(_ => TracepointKind.Other);
    private long _events;
    private long _typed;
    private long _damaged;
    private long _unreadable;
    private long _lost;
    private long _markers;

    private FtraceReader(Stream stream, TracepointSink sink, IFtraceProblems? problems)
    {
        _lines = new LineSplitter(stream);
        _sink = sink;
        _problems = problems;
    }

    /// <summary>Reads a trace to its end.</summary>
    /// <param name="stream">The text; see <see cref="FtraceInput"/>.</param>
    /// <param name="sink">Takes the events.</param>
    /// <param name="problems">Hears of damaged lines.</param>
    /// <param name="progress">Hears now and then of bytes of text and events so far.</param>
    /// <param name="cancellation">Ends the reading; what was read stays.</param>
    public static FtraceSummary Read(
        Stream stream,
        TracepointSink sink,
        IFtraceProblems? problems = null,
        Action<long, long>? progress = null,
        CancellationToken cancellation = default) =>
        new FtraceReader(stream, sink, problems).Run(progress, cancellation);

    private FtraceSummary Run(Action<long, long>? progress, CancellationToken cancellation)
    {
        var interrupted = false;
        while (_lines.TryNext(out var line))
        {
            Take(line);
            if (_lines.Line % LinesPerReport != 0)
                continue;
            progress?.Invoke(_lines.Position, _events);
            interrupted = cancellation.IsCancellationRequested;
            if (interrupted)
                break;
        }

        return new FtraceSummary
        {
            Lines = _lines.Line,
            Events = _events,
            TypedEvents = _typed,
            DamagedLines = _damaged,
            UnreadableEvents = _unreadable,
            LostEvents = _lost,
            LossMarkers = _markers,
            Truncated = _lines.IsUnfinished || _lines.IsBroken,
            Interrupted = interrupted,
        };
    }

    private void Take(ReadOnlySpan<byte> line)
    {
        if (_lines.IsUnfinished)
        {
            // What is cut off may be digits: a number that is not the one recorded.
            Damaged("the trace ends within this line, which is left out", line);
            return;
        }

        if (_lines.IsTooLong)
        {
            Damaged($"longer than {LineSplitter.LongestLine} bytes", line);
            return;
        }

        if (LineHead.TryParse(line, out var head) && !head.Name.StartsWith("PERF_RECORD"u8))
            TakeEvent(head);
        else
            TakeOther(line);
    }

    private void TakeEvent(in LineHead head)
    {
        var line = new TraceLine
        {
            Ordinal = _events++,
            Line = _lines.Line,
            Time = head.Time,
            Cpu = head.Cpu,
            Pid = head.Pid,
            Task = head.Task,
            Name = _names.Get(head.Name),
            Text = head.Text,
        };
        if (head.Text is [(byte)'(', ..] && TryProbe(line))
        {
            _typed++;
            return;
        }

        if (line.Name.Kind == TracepointKind.Other)
        {
            _sink.OnOther(line);
            return;
        }

        if (TryTyped(line))
        {
            _typed++;
            return;
        }

        _unreadable++;
        _problems?.OnDamaged(line.Line, $"{line.Name.Text} in a form that is not known, kept as text", Quote(line.Text));
        _sink.OnUnreadable(line);
    }

    private bool TryTyped(in TraceLine line)
    {
        switch (line.Name.Kind)
        {
            case TracepointKind.Entry when FieldText.TryParse(line.Text, out EntryFields entry):
                _sink.OnEntry(line, entry);
                return true;
            case TracepointKind.Exit when FieldText.TryParse(line.Text, _reasons, out var exit):
                _sink.OnExit(line, exit);
                return true;
            case TracepointKind.PageFault when FieldText.TryParse(line.Text, out PageFaultFields fault):
                _sink.OnPageFault(line, fault);
                return true;
            case TracepointKind.InjectedException when FieldText.TryParse(line.Text, out InjectedExceptionFields injected):
                _sink.OnInjectedException(line, injected);
                return true;
            case TracepointKind.ControlRegister when FieldText.TryParse(line.Text, out ControlRegisterFields register):
                _sink.OnControlRegister(line, register);
                return true;
            case TracepointKind.Msr when FieldText.TryParse(line.Text, out MsrFields msr):
                _sink.OnMsr(line, msr);
                return true;
            case TracepointKind.FastMmio or TracepointKind.Mmio when FieldText.TryParse(line.Text, out MmioFields mmio):
                _sink.OnMmio(line, mmio);
                return true;
            case TracepointKind.NotifierRange when FieldText.TryParse(line.Text, out NotifierRangeFields range):
                _sink.OnNotifierRange(line, range);
                return true;
            default:
                return TryTypedMmu(line);
        }
    }

    private bool TryTypedMmu(in TraceLine line)
    {
        switch (line.Name.Kind)
        {
            case TracepointKind.GetPage or TracepointKind.SyncPage or TracepointKind.UnsyncPage or TracepointKind.ZapPage
                when PageText.TryParse(line.Text, out var page):
                _sink.OnPage(line, page);
                return true;
            case TracepointKind.SetSpte when FieldText.TryParse(line.Text, out SetSpteFields set):
                _sink.OnSetSpte(line, set);
                return true;
            case TracepointKind.SpteChanged when FieldText.TryParse(line.Text, out SpteChangedFields change):
                _sink.OnSpteChanged(line, change);
                return true;
            case TracepointKind.SpteRequested when FieldText.TryParse(line.Text, out SpteRequestedFields requested):
                _sink.OnSpteRequested(line, requested);
                return true;
            case TracepointKind.MarkMmioSpte when FieldText.TryParse(line.Text, out MarkMmioSpteFields mark):
                _sink.OnMarkMmioSpte(line, mark);
                return true;
            case TracepointKind.HandleMmioPageFault when FieldText.TryParse(line.Text, out HandleMmioPageFaultFields handled):
                _sink.OnHandleMmioPageFault(line, handled);
                return true;
            case TracepointKind.CheckMmioSpte when FieldText.TryParse(line.Text, out CheckMmioSpteFields check):
                _sink.OnCheckMmioSpte(line, check);
                return true;
            case TracepointKind.FastPageFault when FieldText.TryParse(line.Text, out FastPageFaultFields fast):
                _sink.OnFastPageFault(line, fast);
                return true;
            case TracepointKind.SplitHugePage when FieldText.TryParse(line.Text, out SplitHugePageFields split):
                _sink.OnSplitHugePage(line, split);
                return true;
            case TracepointKind.GuestWalk or TracepointKind.WalkerError when FieldText.TryParse(line.Text, out GuestWalkFields walk):
                _sink.OnGuestWalk(line, walk);
                return true;
            case TracepointKind.ZapAllFast or TracepointKind.PmlFull or TracepointKind.GuestEntry or TracepointKind.GuestAccessedBit
                or TracepointKind.GuestDirtyBit:
                // Only their text is kept: no row of the history is made of them.
                _sink.OnOther(line);
                return true;
            default:
                return false;
        }
    }

    /// <remarks><c>(function+0x0/0x10 [kvm]) a=1</c>; on return <c>(caller+0x5/0x10 [kvm] &lt;- function) ret=1</c>; perf and trace-cmd write addresses.</remarks>
    private bool TryProbe(in TraceLine line)
    {
        var close = line.Text.IndexOf((byte)')');
        if (close < 0)
            return false;
        var place = line.Text[1..close];
        var arrow = place.IndexOf("<- "u8);
        var function = arrow >= 0 ? place[(arrow + 3)..] : place;
        var end = function.IndexOfAny((byte)'+', (byte)' ');
        if (end >= 0)
            function = function[..end];
        TracepointName name;
        if (function.IsEmpty || function[0] is >= (byte)'0' and <= (byte)'9' || !function.ContainsAnyExcept(AddressDigits))
            name = _functions.Get(Encoding.UTF8.GetBytes(ProbeNames.FunctionOf(line.Name.Text)));
        else
            name = _functions.Get(function.IndexOf((byte)'.') is > 0 and var dot ? function[..dot] : function);
        var fields = new ProbeFields { Function = name, IsReturn = arrow >= 0, Arguments = line.Text[(close + 1)..].TrimStart((byte)' ') };
        _sink.OnProbe(line, fields);
        return true;
    }

    private void TakeOther(ReadOnlySpan<byte> line)
    {
        var text = line.Trim(" \t\0"u8);
        if (text.IsEmpty)
            return;
        if (text[0] == (byte)'#')
        {
            var overwritten = LossMarker.Overwritten(text);
            if (overwritten > 0)
                Lost(-1, overwritten);
        }
        else if (LossMarker.TryParse(text, out var cpu, out var events))
        {
            Lost(cpu, events);
        }
        else if (!IsHeading(text))
        {
            Damaged("no event, no comment, no marker", line);
        }
    }

    private void Lost(int cpu, long events)
    {
        _markers++;
        _lost += Math.Max(0, events);
        _sink.OnLost(_events, _lines.Line, cpu, events);
    }

    /// <summary>What trace-cmd writes before the events.</summary>
    private static bool IsHeading(ReadOnlySpan<byte> text) =>
        text.StartsWith("cpus="u8) || text.StartsWith("version = "u8) || (text.StartsWith("CPU "u8) && text.EndsWith(" is empty"u8))
        || text.StartsWith("trace-cmd"u8);

    private void Damaged(string what, ReadOnlySpan<byte> line)
    {
        _damaged++;
        _problems?.OnDamaged(_lines.Line, what, Quote(line));
    }

    private static string Quote(ReadOnlySpan<byte> line)
    {
        var text = Encoding.Latin1.GetString(line.Length > QuotedCharacters ? line[..QuotedCharacters] : line);
        return string.Create(text.Length, text, (characters, source) =>
        {
            for (var i = 0; i < characters.Length; i++)
                characters[i] = source[i] is >= ' ' and <= '~' ? source[i] : '?';
        });
    }
}
