using Replay.Recorder.Synthetic.Machine;
using Replay.Trace;

namespace Replay.Recorder.Synthetic.Workloads;

/// <summary>
/// The frames a random guest plays with, all in one aligned run so that a large page anywhere in it reaches nothing else. Some serve as
/// tables of one level, some as tables of any level (wild), the others hold data. Entries of wild tables lead to wild frames only, those
/// of a level only to wild ones or the level below: so whatever is stored, no walk leaves the run.
/// </summary>
internal sealed class RandomFrames
{
    /// <summary>A level of <see cref="UseOf"/>: plain data.</summary>
    public const int Data = 0;

    /// <summary>A level of <see cref="UseOf"/>: a table at any level.</summary>
    public const int Wild = -1;

    /// <summary>A level of <see cref="UseOf"/>: not of this run.</summary>
    public const int Foreign = -2;

    private const ulong RunBytes = 4 << 20;
    private const int Frames = (int)(RunBytes >> 12);

    private readonly sbyte[] _uses = new sbyte[Frames];
    private readonly List<Gpa>[] _tables;
    private readonly List<Gpa> _wild = [];
    private readonly List<Gpa> _data = [];

    public RandomFrames(GuestKernel kernel, SeededRandom random, int tablesPerLevel, int dataPages)
    {
        Start = kernel.Frames.AllocateRun(RunBytes).Base;
        _tables = [.. Enumerable.Range(0, kernel.Format.Levels + 1).Select(_ => new List<Gpa>())];
        // A cleared PS bit makes a large page's first frame a table: these two must be ready for it.
        Give(0, Wild);
        Give(Frames / 2, Wild);
        for (var i = 0; i < tablesPerLevel; i++)
        {
            Give(Unused(random), Wild);
            for (var level = 1; level < kernel.Format.Levels; level++)
                Give(Unused(random), level);
        }
        for (var i = 0; i < dataPages; i++)
            _data.Add(Frame(Unused(random)));
    }

    /// <summary>Address of the run, a multiple of 4 MiB.</summary>
    public Gpa Start { get; }

    public ulong Bytes => RunBytes;

    /// <summary>What a frame is for: a level, or one of the constants.</summary>
    public int UseOf(Gpa gpa)
        => gpa.Value - Start.Value < RunBytes ? _uses[(gpa.Value - Start.Value) >> 12] : Foreign;

    public Gpa Table(SeededRandom random, int level) => Pick(random, level == Wild ? _wild : _tables[level]);

    public Gpa DataPage(SeededRandom random) => Pick(random, _data);

    /// <summary>Every table of one level; <see cref="Wild"/> for those of any.</summary>
    public IReadOnlyList<Gpa> Tables(int level) => level == Wild ? _wild : _tables[level];

    private static Gpa Pick(SeededRandom random, List<Gpa> frames) => frames[random.Below(frames.Count)];

    private Gpa Frame(int index) => new(Start.Value + ((ulong)index << 12));

    private void Give(int index, int use)
    {
        _uses[index] = (sbyte)use;
        (use == Wild ? _wild : _tables[use]).Add(Frame(index));
    }

    private int Unused(SeededRandom random)
    {
        while (true)
        {
            var index = random.Below(Frames);
            if (_uses[index] == Data && !_data.Contains(Frame(index)))
                return index;
        }
    }
}
