using Replay.Trace;

namespace Replay.Benchmarks;

/// <summary>
/// A stream of accesses as programs make them, harder to compress than a real one: bursts from four sequential streams (45 %), a stack (25 %),
/// a hot set with a Zipf distribution (20 %) and a heap touched at random (10 %); 70 % of them reads. The same seed gives the same stream.
/// </summary>
internal sealed class SyntheticStream : ITraceSource
{
    private const int HotPages = 4096;
    private const int HeapPages = 65536;
    private const ulong Frames = 1 << 20;

    private readonly int _rows;
    private readonly Random _random;
    private readonly ulong[] _sequential = [0x7f00_0000_0000, 0x7f10_0000_0000, 0x5555_5555_0000, 0xffff_8880_0010_0000];
    private readonly double[] _zipf = new double[HotPages];
    private ulong _stack = 0x7fff_ffff_e000;
    private int _made;
    private int _source;
    private int _burst;

    public SyntheticStream(int rows, int seed)
    {
        _rows = rows;
        _random = new Random(seed);
        Manifest = new CaptureManifest { Source = "synthetic", Tool = "benchmark", MemoryBytes = Frames << 12, HasRips = false };
        var sum = 0.0;
        for (var i = 0; i < HotPages; i++)
            _zipf[i] = sum += 1.0 / (i + 1);
    }

    public CaptureManifest Manifest { get; }

    public bool TryRead(TraceChunk chunk)
    {
        chunk.Clear();
        chunk.HasRips = false;
        while (chunk.AccessCount < TraceChunk.Capacity && _made < _rows)
        {
            if (_burst-- == 0)
            {
                _source = _random.Next(100);
                _burst = _random.Next(8);
            }
            var (gva, size) = Next();
            gva &= ~(ulong)(size - 1);
            var kind = _random.Next(10) < 7 ? AccessKind.Read : AccessKind.Write;
            chunk.Add(_made++, 0, kind, gva >> 63 == 0 ? AccessFlags.User : AccessFlags.None, gva, Translate(gva), (byte)size);
        }
        return chunk.AccessCount > 0;
    }

    /// <summary>A fixed mapping that scatters pages over memory, in clusters of eight as an allocator leaves them.</summary>
    private static ulong Translate(ulong gva)
    {
        var page = gva >> 12;
        var frame = ((page >> 3) * 0x9e37_79b9_7f4a_7c15 >> 47 << 3) | (page & 7);
        return ((frame % Frames) << 12) | (gva & 0xfff);
    }

    private (ulong Gva, int Size) Next()
    {
        switch (_source)
        {
            case < 45:
                ref var at = ref _sequential[_source & 3];
                at += 8;
                return (at, 8);
            case < 70:
                _stack += (ulong)(_random.Next(-4, 5) * 8);
                return (_stack, 8);
            case < 90:
                return (0x6000_0000_0000 + ((ulong)Hot() << 12) + (ulong)_random.Next(4096), 1 << _random.Next(4));
            default:
                return (0x6100_0000_0000 + ((ulong)_random.Next(HeapPages) << 12) + (ulong)_random.Next(4096), 1 << _random.Next(4));
        }
    }

    private int Hot()
    {
        var found = Array.BinarySearch(_zipf, _random.NextDouble() * _zipf[^1]);
        return Math.Min(found < 0 ? ~found : found, HotPages - 1);
    }
}
