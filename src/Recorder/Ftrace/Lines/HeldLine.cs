using Replay.Trace.Tracepoints;

namespace Replay.Recorder.Ftrace;

/// <summary>A copy of a line that waits for the one behind it, and where its parts are.</summary>
internal sealed class HeldLine
{
    private byte[] _bytes = new byte[512];
    private (int Start, int Length) _source;
    private (int Start, int Length) _task;
    private (int Start, int Length) _name;
    private (int Start, int Length) _text;
    private int _length;
    private int _lengthBefore;
    private int _textBefore;
    private bool _isExtended;

    public bool IsHeld { get; set; }

    /// <summary>Its number, from 1.</summary>
    public long Number { get; private set; }

    public long Time { get; private set; }

    public int Cpu { get; private set; }

    public int Pid { get; private set; }

    public int Process { get; private set; }

    public long Thread { get; private set; }

    public bool IsBracketed { get; private set; }

    /// <summary>Bytes of the line, or of what was appended to it last.</summary>
    public int LastLength { get; private set; }

    public ReadOnlySpan<byte> Line => _bytes.AsSpan(0, _length);

    public ReadOnlySpan<byte> Source => Part(_source);

    public ReadOnlySpan<byte> Task => Part(_task);

    public ReadOnlySpan<byte> Name => Part(_name);

    public ReadOnlySpan<byte> Text => Part(_text);

    /// <summary>Of a line with brackets: the second is there, so that no field is missing.</summary>
    public bool IsClosed => IsBracketed && Text.EndsWith(")"u8);

    /// <param name="line">The line; the head's parts are parts of it.</param>
    /// <param name="number">Its number.</param>
    /// <param name="head">Its parts.</param>
    public void Hold(ReadOnlySpan<byte> line, long number, in LineHead head)
    {
        Ensure(line.Length);
        line.CopyTo(_bytes);
        LastLength = _length = line.Length;
        _source = Place(line, head.Source);
        _task = Place(line, head.Task);
        _name = Place(line, head.Name);
        _text = Place(line, head.Text);
        (Number, Time, Cpu, Pid, Process, Thread, IsBracketed) = (number, head.Time, head.Cpu, head.Pid, head.Process, head.Thread, head.IsBracketed);
        IsHeld = true;
        _isExtended = false;
    }

    /// <summary>Appends the next part of a wrapped line to the text.</summary>
    public bool TryExtend(ReadOnlySpan<byte> rest)
    {
        if (_text.Length + rest.Length > LineSplitter.LongestLine)
            return false;
        // A mail may break a line right behind the name.
        if (_text.Length == 0)
            _text = (_length, 0);
        var text = Text;
        if (!_isExtended)
            (_lengthBefore, _textBefore, _isExtended) = (_length, _text.Length, true);
        var end = _text.Start + _text.Length;
        Ensure(end + 1 + rest.Length);
        if (!text.IsEmpty)
            _bytes[end++] = (byte)' ';
        rest.CopyTo(_bytes.AsSpan(end));
        _length = end + rest.Length;
        LastLength = rest.Length;
        _text.Length = _length - _text.Start;
        return true;
    }

    /// <summary>What was appended belongs to it.</summary>
    public void Keep() => _isExtended = false;

    /// <summary>Takes back what was appended since <see cref="Keep"/>.</summary>
    public void Shorten()
    {
        if (!_isExtended)
            return;
        (_length, _text.Length, _isExtended) = (_lengthBefore, _textBefore, false);
    }

    /// <summary>The line and the next as one.</summary>
    public byte[] Join(ReadOnlySpan<byte> next)
    {
        var joined = new byte[_length + 1 + next.Length];
        Line.CopyTo(joined);
        joined[_length] = (byte)' ';
        next.CopyTo(joined.AsSpan(_length + 1));
        return joined;
    }

    private static (int Start, int Length) Place(ReadOnlySpan<byte> line, ReadOnlySpan<byte> part) =>
        part.IsEmpty || !line.Overlaps(part, out var offset) ? (0, 0) : (offset, part.Length);

    private ReadOnlySpan<byte> Part((int Start, int Length) place) => _bytes.AsSpan(place.Start, place.Length);

    private void Ensure(int length)
    {
        if (_bytes.Length < length)
            Array.Resize(ref _bytes, Math.Max(length, 2 * _bytes.Length));
    }
}

/// <summary>Takes an event to see how it reads.</summary>
internal sealed class FieldsSeen : TracepointSink
{
    public string Fields { get; private set; } = "";

    public override void OnEntry(in TraceLine line, in EntryFields fields) => Fields = fields.ToString();

    public override void OnExit(in TraceLine line, in ExitFields fields) => Fields = fields.ToString();

    public override void OnPageFault(in TraceLine line, in PageFaultFields fields) => Fields = fields.ToString();

    public override void OnInjectedException(in TraceLine line, in InjectedExceptionFields fields) => Fields = fields.ToString();

    public override void OnMsr(in TraceLine line, in MsrFields fields) => Fields = fields.ToString();

    public override void OnControlRegister(in TraceLine line, in ControlRegisterFields fields) => Fields = fields.ToString();

    public override void OnMmio(in TraceLine line, in MmioFields fields) => Fields = fields.ToString();

    public override void OnNotifierRange(in TraceLine line, in NotifierRangeFields fields) => Fields = fields.ToString();

    public override void OnPage(in TraceLine line, in PageFields fields) => Fields = fields.ToString();

    public override void OnSetSpte(in TraceLine line, in SetSpteFields fields) => Fields = fields.ToString();

    public override void OnSpteChanged(in TraceLine line, in SpteChangedFields fields) => Fields = fields.ToString();

    public override void OnSpteRequested(in TraceLine line, in SpteRequestedFields fields) => Fields = fields.ToString();

    public override void OnMarkMmioSpte(in TraceLine line, in MarkMmioSpteFields fields) => Fields = fields.ToString();

    public override void OnFastPageFault(in TraceLine line, in FastPageFaultFields fields) => Fields = fields.ToString();

    public override void OnOther(in TraceLine line) => Fields = "";
}
