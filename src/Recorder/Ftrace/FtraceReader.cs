using System.Buffers;
using System.Text;
using Replay.Trace.Tracepoints;

namespace Replay.Recorder.Ftrace;

/// <summary>
/// Reads the text of a trace: the tracefs <c>trace</c> file, <c>trace-cmd report</c>, <c>perf script</c>, and what mails and logs make of
/// them. Whatever the text holds, it is taken, or named by its line and counted; a damaged line costs none of its neighbours.
/// </summary>
/// <remarks>An event is handed on when the line behind it is known: a stack trace and the rest of a wrapped line belong to it.</remarks>
public sealed class FtraceReader
{
    private const int LinesPerReport = 4096;
    private const int QuotedCharacters = 120;
    private const int DeepestStack = 64;
    private const int MostParts = 3;

    private static readonly SearchValues<byte> AddressDigits = SearchValues.Create("0123456789abcdefABCDEFx"u8);

    /// <summary>What lines between events are drawn with, and fences of code.</summary>
    private static readonly SearchValues<byte> RuleCharacters = SearchValues.Create("-=_*`~ "u8);

    private readonly LineSplitter _lines;
    private readonly TracepointSink _sink;
    private readonly IFtraceProblems? _problems;
    private readonly NameTable _names = new(TracepointKinds.Of);
    private readonly NameTable _functions = new(_ => TracepointKind.Other);
    private readonly NameTable _reasons = new(_ => TracepointKind.Other);
    private readonly LineText _text = new();
    private readonly MailedLine _mailed = new();
    private readonly QuotedPrintable _quoted = new();
    private readonly HeldLine _event = new();
    private readonly HeldLine _orphan = new();
    private readonly List<(long Number, byte[] Text)> _parts = [];
    private string? _firstPart;
    private readonly TracepointName[] _stack = new TracepointName[DeepestStack];
    private int _stackDepth;
    private bool _inStack;
    private bool _rawIsHex;
    private long _events;
    private long _typed;
    private long _damaged;
    private long _unreadable;
    private long _lost;
    private long _markers;
    private long _stacks;

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
        _quoted.Survey(_lines.Head());
        _rawIsHex = RawFields.ShowsHex(_lines.Head());
        while (_lines.TryNext(out var line))
        {
            TakeMailed(line);
            if (_lines.Line % LinesPerReport != 0)
                continue;
            progress?.Invoke(_lines.Position, _events);
            interrupted = cancellation.IsCancellationRequested;
            if (interrupted)
                break;
        }

        EndMailed();
        Finish();
        return new FtraceSummary
        {
            Lines = _lines.Line,
            Events = _events,
            TypedEvents = _typed,
            StackTraces = _stacks,
            DamagedLines = _damaged,
            UnreadableEvents = _unreadable,
            LostEvents = _lost,
            LossMarkers = _markers,
            Truncated = _lines.IsUnfinished || _lines.IsBroken,
            Interrupted = interrupted,
        };
    }

    /// <summary>The line's number; of one that was put together, its first part's.</summary>
    private long Line => _mailed.IsBroken ? _mailed.First : _lines.Line;

    /// <summary>A line, or a part of one that quoted-printable broke. A line that has a head is no part.</summary>
    private void TakeMailed(ReadOnlySpan<byte> line)
    {
        _quoted.Note(line);
        if (_mailed.IsBroken && LineHead.TryParse(line, out _))
            EndMailed();
        if (!_mailed.IsBroken && !MailedLine.EndsSoftly(line) && !MailedLine.IsForeign(line) && !(_quoted.IsOn && QuotedPrintable.IsEncoded(line)))
            Take(line);
        else if (_mailed.Take(line, _lines.Line, _quoted.IsOn))
            EndMailed();
    }

    private void EndMailed()
    {
        if (_mailed.IsBroken)
            Take(_mailed.Line);
        _mailed.Clear();
    }

    private void Take(ReadOnlySpan<byte> line)
    {
        if (_lines.IsUnfinished)
        {
            // What is cut off may be digits: a number that is not the one recorded.
            Finish();
            Damaged("the trace ends within this line, which is left out", line);
            return;
        }

        if (_lines.IsTooLong)
        {
            Finish();
            Damaged($"longer than {LineSplitter.LongestLine} bytes", line);
            return;
        }

        if (LineHead.TryParse(line, out var head) && !head.Name.StartsWith("PERF_RECORD"u8))
            Hold(line, head);
        else
            TakeOther(line);
    }

    /// <summary>The event waits for the line behind it.</summary>
    private void Hold(ReadOnlySpan<byte> line, in LineHead head)
    {
        if (head.Name.SequenceEqual("kernel_stack"u8) || head.Text.StartsWith("<stack trace"u8))
        {
            // trace-cmd: an event of its own tells that the stack of the one before follows.
            _inStack = _event.IsHeld && _event.Thread == head.Thread;
            return;
        }

        Finish();
        _event.Hold(line, Line, head);
    }

    /// <summary>Nothing more belongs to the event that waits, or to the line that is none.</summary>
    private void Finish()
    {
        if (_event.IsHeld)
            HandOn();
        if (_orphan.IsHeld)
        {
            _orphan.IsHeld = false;
            Damaged(_orphan.Number, "no event, no comment, no marker", _orphan.Line);
        }
    }

    private void HandOn()
    {
        GiveUpParts();
        var depth = _stackDepth;
        _event.IsHeld = false;
        _inStack = false;
        _stackDepth = 0;
        var line = Event(_events++, _stack.AsSpan(0, depth));
        if (depth > 0)
            _stacks++;
        if (_event.Text is [(byte)'(', ..] && TryProbe(line))
        {
            _typed++;
            return;
        }

        if (line.Name.Kind == TracepointKind.Other)
        {
            _sink.OnOther(line);
            return;
        }

        if (TypedEvents.TryParse(line, _reasons, _sink) || RawFields.TryParse(line, _rawIsHex, _event.IsClosed, _sink))
        {
            _typed++;
            return;
        }

        _unreadable++;
        _problems?.OnDamaged(line.Line, $"{line.Name.Text} {(IsPluginPage(line) ? "does not name its table ('trace-cmd report -N' prints it)" : "in a form that is not known")}, kept as text", Quote(line.Text));
        _sink.OnUnreadable(line);
    }

    /// <summary>Of a table that goes, is synced or left out of sync, libtraceevent's plugin prints the role alone.</summary>
    private static bool IsPluginPage(in TraceLine line) =>
        line.Name.Kind is TracepointKind.ZapPage or TracepointKind.SyncPage or TracepointKind.UnsyncPage && line.Text.IndexOf("gfn"u8) < 0 && line.Text.IndexOf(" root "u8) > 0;

    private TraceLine Event(long ordinal, ReadOnlySpan<TracepointName> stack) => new()
    {
        Ordinal = ordinal,
        Line = _event.Number,
        Time = _event.Time,
        Cpu = _event.Cpu,
        Pid = _event.Pid,
        Process = _event.Process,
        Thread = _event.Thread,
        Source = _event.Source,
        Task = _event.Task,
        Name = _names.Get(_event.Name),
        Text = _event.IsClosed ? _event.Text[..^1] : _event.Text,
        Stack = stack,
    };

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
        var clean = _text.Clean(line);
        var text = clean.Trim((byte)' ');
        if (text.IsEmpty)
            return;
        if (LineText.TryStack(clean, out var function))
        {
            TakeStack(function);
        }
        else if (text[0] == (byte)'#')
        {
            var overwritten = LossMarker.Overwritten(text);
            if (overwritten > 0)
                Lost(-1, overwritten);
        }
        else if (LossMarker.TryParse(text, out var cpu, out var events))
        {
            Lost(cpu, events);
        }
        else if (!IsHeading(text) && !OtherLine.Is(text) && !TryJoin(text))
        {
            TakeUnusual(clean);
        }
    }

    /// <summary>A line in another form than the tools' own, or half of one.</summary>
    private void TakeUnusual(ReadOnlySpan<byte> clean)
    {
        if (!_orphan.IsHeld && _parts.Count > 0)
        {
            var (number, part) = _parts[^1];
            _parts.RemoveAt(_parts.Count - 1);
            Finish();
            _orphan.Hold(part, number, default);
        }

        if (_orphan.IsHeld && _orphan.Join(clean) is { } whole && LineHead.TryParse(whole, out var joined) && IsKnown(joined.Name))
        {
            _orphan.IsHeld = false;
            Finish();
            _event.Hold(whole, _orphan.Number, joined);
        }
        else if ((LineHead.TryParse(clean, out var head) && !head.Name.StartsWith("PERF_RECORD"u8)) || PerfTraceHead.TryParse(clean, out head) || LooseHead.TryParse(clean, out head))
        {
            Hold(clean, head);
        }
        else
        {
            Finish();
            _orphan.Hold(clean, Line, default);
        }
    }

    private bool IsKnown(ReadOnlySpan<byte> name) => _names.Get(name).Kind != TracepointKind.Other;

    private void TakeStack(ReadOnlySpan<byte> function)
    {
        _inStack |= function.IsEmpty;
        // The stack of an event that is not the last one, as lines of several CPUs came between: it is no damage, and tells nothing here.
        if (_event.IsHeld && !function.IsEmpty && _stackDepth < DeepestStack)
            _stack[_stackDepth++] = _functions.Get(function);
    }

    /// <summary>
    /// The next part of a line that a mail wrapped: belongs to the event if the joined line parses and says more than its first part, now
    /// or with the parts behind it.
    /// </summary>
    private bool TryJoin(ReadOnlySpan<byte> text)
    {
        if (!_event.IsHeld || _stackDepth > 0 || _parts.Count == MostParts || PerfTraceHead.TryParse(text, out _) || LooseHead.TryParse(text, out _))
            return false;
        // Of an event that is not known, what follows must look as if it could not stand alone.
        if (!IsKnown(_event.Name))
            return WrappedText.GoesOn(_event.Name, _event.Text, _event.LastLength, text) && _event.TryExtend(text) && Keep();
        if (_parts.Count == 0)
            _firstPart = Fields();
        if (!_event.TryExtend(text))
            return false;
        if (Fields() is { } fields && fields != _firstPart)
        {
            _event.Keep();
            _parts.Clear();
        }
        else
        {
            _parts.Add((Line, text.ToArray()));
        }

        return true;
    }

    private bool Keep()
    {
        _event.Keep();
        return true;
    }

    /// <summary>How the event reads; null: not at all.</summary>
    private string? Fields()
    {
        var seen = new FieldsSeen();
        var line = Event(0, default);
        return TypedEvents.TryParse(line, _reasons, seen) || RawFields.TryParse(line, _rawIsHex, _event.IsClosed, seen) ? seen.Fields : null;
    }

    /// <summary>Lines that looked as if they might be parts of the event, and are not.</summary>
    private void GiveUpParts()
    {
        _event.Shorten();
        var parts = _parts.ToArray();
        _parts.Clear();
        foreach (var (number, part) in parts)
            Damaged(number, "no event, no comment, no marker", part);
    }

    private void Lost(int cpu, long events)
    {
        Finish();
        _markers++;
        _lost += Math.Max(0, events);
        _sink.OnLost(_events, Line, cpu, events);
    }

    /// <summary>What the tools write before and between the events.</summary>
    private static bool IsHeading(ReadOnlySpan<byte> text) =>
        text.StartsWith("cpus="u8) || text.StartsWith("```"u8) || text.StartsWith("version = "u8) || (text.StartsWith("CPU "u8) && text.EndsWith(" is empty"u8))
        || text.StartsWith("trace-cmd"u8) || text.StartsWith("Dumping ftrace buffer:"u8) || text.StartsWith("(ftrace buffer empty)"u8) || !text.ContainsAnyExcept(RuleCharacters);

    private void Damaged(string what, ReadOnlySpan<byte> line) => Damaged(Line, what, line);

    private void Damaged(long number, string what, ReadOnlySpan<byte> line)
    {
        _damaged++;
        _problems?.OnDamaged(number, what, Quote(line));
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
