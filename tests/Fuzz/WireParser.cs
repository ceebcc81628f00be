using System.Runtime.InteropServices;
using Replay.Recorder.Qemu;
using Replay.Trace;

namespace Replay.Fuzz;

/// <summary>Words of the ring that the plugin shares with the recorder.</summary>
internal sealed class WireParser : Parser
{
    private const int Vcpus = 3;
    private const int InputsPerWriter = 20_000;

    private readonly string _capture;
    private readonly bool _blocks;
    private CaptureWriter? _writer;
    private (WireNumbers Numbers, BlockTarget Target)? _blockTarget;
    private int _inputs;

    public WireParser(string name, string folder, bool blocks)
        : base(name)
    {
        _capture = Path.Combine(folder, $"{name}.capture".Replace(' ', '-'));
        _blocks = blocks;
        var golden = File.ReadAllBytes(Repository.Data("wire", "v3.bin"));
        Seeds = [golden, golden[..Math.Min(golden.Length, 400)]];
    }

    public override IReadOnlyList<byte[]> Seeds { get; }

    public override Fate Read(byte[] input)
    {
        var words = MemoryMarshal.Cast<byte, ulong>(input);
        var (numbers, target) = Target();
        var decoder = new RecordDecoder(new MemoryMap("ram"), numbers, target, isWhole: false);
        var used = 0;
        while (used < words.Length)
        {
            var now = decoder.Decode(words[used..]);
            used += now;
            if (now == 0 && !decoder.IsFull)
                break;
            if (!decoder.IsFull)
                continue;
            // A writer takes blocks in the order of a recording, which inputs do not keep to among one another.
            if (_blocks)
            {
                _blockTarget = null;
                break;
            }

            decoder.Write();
        }

        return Fate.Read;
    }

    public override void Dispose()
    {
        base.Dispose();
        _writer?.Dispose();
    }

    /// <summary>What is decoded is dropped, but for blocks: those a writer has, which lends only some at a time.</summary>
    private (WireNumbers Numbers, AccessTarget Target) Target()
    {
        if (!_blocks)
        {
            var fresh = new WireNumbers(Vcpus);
            return (fresh, new ChunkTarget(fresh, new NoSink(), rips: true));
        }

        if (_blockTarget is { } target && ++_inputs % InputsPerWriter != 0)
            return target;
        if (_writer is not null)
        {
            _writer.Dispose();
            CaptureWriter.Withdraw(_capture);
        }

        _writer = CaptureWriter.Create(_capture, CaptureFiles.Manifest with { HasRips = true, Vcpus = Vcpus }, new CaptureWriterOptions { Hasty = true });
        var numbers = new WireNumbers(Vcpus);
        _blockTarget = (numbers, new BlockTarget(numbers, _writer));
        return _blockTarget.Value;
    }

    private sealed class NoSink : ITraceSink
    {
        public void Write(TraceChunk chunk)
        {
        }
    }
}
