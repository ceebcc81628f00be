namespace Replay.Recorder.Ftrace;

/// <summary>Cuts a stream into lines without copying them. A line is valid until the next call.</summary>
internal sealed class LineSplitter(Stream stream)
{
    /// <summary>Longer lines are no trace's.</summary>
    public const int LongestLine = 64 * 1024;

    private const int BufferSize = 1 << 20;

    private readonly byte[] _buffer = GC.AllocateUninitializedArray<byte>(BufferSize);
    private int _start;
    private int _end;
    private bool _ended;

    /// <summary>Bytes read.</summary>
    public long Position { get; private set; }

    /// <summary>Number of the line that <see cref="TryNext"/> gave, from 1.</summary>
    public long Line { get; private set; }

    /// <summary>The line was longer than <see cref="LongestLine"/>: what was given is its beginning.</summary>
    public bool IsTooLong { get; private set; }

    /// <summary>The stream ended within the line.</summary>
    public bool IsUnfinished { get; private set; }

    /// <summary>The stream broke off: it is compressed, and its end is missing or damaged.</summary>
    public bool IsBroken { get; private set; }

    /// <summary>The first part of the stream, before its first line is given: as much of it as is kept at once.</summary>
    public ReadOnlySpan<byte> Head()
    {
        while (!_ended && _end < _buffer.Length)
            Fill();
        return _buffer.AsSpan(_start, _end - _start);
    }

    /// <summary>Gives the next line without its end.</summary>
    public bool TryNext(out ReadOnlySpan<byte> line)
    {
        IsTooLong = false;
        while (true)
        {
            var rest = _buffer.AsSpan(_start, _end - _start);
            var length = rest.IndexOf((byte)'\n');
            if (length >= 0)
            {
                line = rest[..length];
                _start += length + 1;
                break;
            }

            if (_ended)
            {
                line = rest;
                _start = _end;
                if (rest.IsEmpty)
                    return false;
                IsUnfinished = true;
                break;
            }

            if (rest.Length > LongestLine)
            {
                var head = rest[..LongestLine].ToArray();
                SkipLine();
                line = head;
                break;
            }

            Fill();
        }

        if (line.Length > LongestLine)
            IsTooLong = true;
        if (line is [.., (byte)'\r'])
            line = line[..^1];
        Line++;
        return true;
    }

    private void SkipLine()
    {
        IsTooLong = true;
        while (true)
        {
            var end = _buffer.AsSpan(_start, _end - _start).IndexOf((byte)'\n');
            if (end >= 0)
            {
                _start += end + 1;
                return;
            }

            _start = _end;
            if (_ended)
                return;
            Fill();
        }
    }

    private void Fill()
    {
        if (_start > 0)
        {
            _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
            _end -= _start;
            _start = 0;
        }

        int read;
        try
        {
            read = stream.Read(_buffer, _end, _buffer.Length - _end);
        }
        catch (InvalidDataException)
        {
            IsBroken = true;
            read = 0;
        }

        _ended = read == 0;
        _end += read;
        Position += read;
    }
}
