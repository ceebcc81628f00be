using System.Security.Cryptography;

namespace Replay.Recorder.Ftrace;

/// <summary>Lets the beginning of a stream be looked at before it is read, also where it cannot be sought in.</summary>
internal sealed class ReadAheadStream(Stream source, int limit) : ForwardStream
{
    /// <summary>Most traces that are pasted are small.</summary>
    private const int FirstRoom = 1 << 16;

    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private byte[] _ahead = [];
    private int _length;
    private int _position;
    private bool _broken;

    /// <summary>SHA-256 of what was read, hexadecimal.</summary>
    public string Hash() => Convert.ToHexStringLower(_hash.GetCurrentHash());

    /// <summary>The first bytes, as many as the limit allows.</summary>
    public Stream ReadAhead()
    {
        _ahead = new byte[Math.Min(limit, FirstRoom)];
        try
        {
            for (var got = -1; got != 0 && _length < limit; _length += got)
            {
                if (_length == _ahead.Length)
                    Array.Resize(ref _ahead, Math.Min(limit, 4 * _length));
                got = source.Read(_ahead, _length, _ahead.Length - _length);
            }
        }
        catch (InvalidDataException)
        {
            _broken = true;
        }

        return new MemoryStream(_ahead, 0, _length, writable: false);
    }

    public override int Read(Span<byte> buffer)
    {
        if (_position < _length)
        {
            var length = Math.Min(buffer.Length, _length - _position);
            _ahead.AsSpan(_position, length).CopyTo(buffer);
            _position += length;
            _hash.AppendData(buffer[..length]);
            return length;
        }

        _ahead = [];
        if (_broken)
            throw new InvalidDataException("the compressed stream broke off");
        var read = source.Read(buffer);
        _hash.AppendData(buffer[..read]);
        return read;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            _hash.Dispose();
        base.Dispose(disposing);
    }
}
