using CsCheck;
using Replay.Recorder.Synthetic;

namespace Replay.Recorder.Tests.Synthetic;

public class SeededRandomTests
{
    [Fact]
    public void It_is_splitmix64()
    {
        // The first numbers of Vigna's reference program for this seed.
        var random = new SeededRandom(1234567);

        Assert.Equal(6457827717110365317UL, random.NextUInt64());
        Assert.Equal(3203168211198807973UL, random.NextUInt64());
        Assert.Equal(9817491932198370423UL, random.NextUInt64());
        Assert.Equal(4593380528125082431UL, random.NextUInt64());
        Assert.Equal(16408922859458223821UL, random.NextUInt64());
    }

    [Fact]
    public void Numbers_below_a_bound_stay_below_it()
        => Gen.Select(Gen.ULong, Gen.ULong[1, ulong.MaxValue]).Sample((seed, bound) => new SeededRandom(seed).Below(bound) < bound);

    [Fact]
    public void Zipf_draws_number_k_in_proportion_to_1_over_k_plus_1()
    {
        const int count = 50;
        const int draws = 2_000_000;
        var random = new SeededRandom(1);
        var zipf = new ZipfSampler(count);
        var hits = new int[count];
        for (var i = 0; i < draws; i++)
            hits[zipf.Next(random)]++;

        var harmonic = Enumerable.Range(1, count).Sum(k => 1.0 / k);
        for (var k = 0; k < count; k++)
        {
            var expected = draws / ((k + 1) * harmonic);
            Assert.InRange(hits[k], expected * 0.95, expected * 1.05);
        }
    }

    [Fact]
    public void A_single_number_is_always_drawn()
    {
        var random = new SeededRandom(3);
        var zipf = new ZipfSampler(1);

        Assert.All(Enumerable.Range(0, 100), _ => Assert.Equal(0, zipf.Next(random)));
    }
}
