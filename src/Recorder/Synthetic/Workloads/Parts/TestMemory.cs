using Replay.Trace;

namespace Replay.Recorder.Synthetic.Workloads;

/// <summary>A run of guest frames in memslots of its own, cut in equal parts.</summary>
/// <param name="First">The first frame.</param>
/// <param name="Bytes">Length.</param>
/// <param name="Slots">How many memslots hold it.</param>
public sealed record TestMemory(Gfn First, ulong Bytes, int Slots)
{
    /// <summary>Number of the first of its slots; those below hold the rest of RAM.</summary>
    public const int FirstSlot = 8;

    public IEnumerable<MemslotChange> Describe()
    {
        var pages = Bytes >> 12;
        for (var i = 0; i < Slots; i++)
        {
            var (from, to) = (pages * (ulong)i / (ulong)Slots, pages * (ulong)(i + 1) / (ulong)Slots);
            if (to == from)
                continue;
            var gpa = First.Base.Value + (from << 12);
            yield return new MemslotChange
            {
                Slot = FirstSlot + i,
                Gpa = gpa,
                Size = (to - from) << 12,
                HvaOffset = gpa & ((1UL << 30) - 1),
                Name = $"test.{i}",
            };
        }
    }
}
