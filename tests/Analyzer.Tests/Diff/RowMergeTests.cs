using CsCheck;
using Replay.Analyzer.Diff;
using Replay.Analyzer.Store;
using Replay.Replayer;

namespace Replay.Analyzer.Tests.Diff;

/// <summary>The merge against the obvious way: a bag of what each side wrote at each event.</summary>
public sealed class RowMergeTests
{
    private static readonly Gen<(long Ordinal, ulong Gfn, ulong Pfn)[]> Writes =
        Gen.Select(Gen.Long[1, 12], Gen.ULong[0, 3], Gen.ULong[1, 2]).Array[0, 40];

    [Fact]
    public void What_is_alike_is_what_two_bags_have_in_common() => Gen.Select(Writes, Writes).Sample(
        sides =>
        {
            var (a, b) = (sides.Item1.OrderBy(write => write.Ordinal).ToArray(), sides.Item2.OrderBy(write => write.Ordinal).ToArray());
            using var directory = new TempDirectory();
            var path = directory.File("x.db");
            using (var file = HistoryFile.Create(path))
            {
                Store(file, a);
                Store(file, b);
            }

            using var database = Database.OpenRead(path);
            var diff = RunComparison.Of(DiffSide.Find(database, "1"), DiffSide.Find(database, "2"));

            var (bagA, bagB) = (Bag(a), Bag(b));
            Assert.Equal((a.Length, b.Length), (diff.Writes.A, diff.Writes.B));
            Assert.Equal(bagA.Keys.Intersect(bagB.Keys).Sum(key => Math.Min(bagA[key], bagB[key])), diff.Writes.Alike);
            Assert.Equal(FirstDifference(bagA, bagB), diff.Writes.FirstDifference);
            Assert.Equal(a.SequenceEqual(b), diff.IsSame);
        },
        iter: 40);

    private static Dictionary<(long Ordinal, ulong Gfn, ulong Pfn), int> Bag((long, ulong, ulong)[] writes) => writes.CountBy(write => write).ToDictionary();

    private static long? FirstDifference(Dictionary<(long Ordinal, ulong Gfn, ulong Pfn), int> a, Dictionary<(long Ordinal, ulong Gfn, ulong Pfn), int> b) =>
        a.Keys.Union(b.Keys).Where(key => a.GetValueOrDefault(key) != b.GetValueOrDefault(key)).Select(key => (long?)key.Ordinal).Min();

    private static void Store(HistoryFile file, (long Ordinal, ulong Gfn, ulong Pfn)[] writes)
    {
        using var run = new HandMadeRun(file, MmuMode.Ept);
        foreach (var (ordinal, gfn, pfn) in writes)
            run.Write(ordinal, gfn, HandMadeRun.Leaf(pfn));
        run.Complete(string.Join(' ', writes));
    }
}
