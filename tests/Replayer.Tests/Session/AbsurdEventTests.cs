using System.Diagnostics;
using Replay.Replayer.History;
using Replay.Trace;

namespace Replay.Replayer.Tests.Session;

/// <summary>
/// Captures whose checksums are right and whose events are absurd: each is replayed, or refused with the ordinal of the event. It is never a
/// bug of ours, and never takes for ever. REPLAY_FUZZ says how many captures a mode, by default a few; REPLAY_FUZZ_SEED makes others.
/// </summary>
public sealed class AbsurdEventTests
{
    private const int EventsPerCapture = 60;

    private static readonly ulong[] Numbers =
    [
        0, 1, 2, 3, 4, 7, 8, 64, 65, 0xfff, 0x1000, 0x1001, 0x2000, 0x3000, 0x4000, 0x20_0000, 0x4000_0000, 0xfee0_0000, 0x1_0000_0000, 1UL << 46, 1UL << 52,
        0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 0x8005_0033, 0x6f0, 0x1500, 0x7fff_ffff_f000, 0xffff_8000_0000_0000, 0xffff_ffff_ffff_f000, 1UL << 63, ulong.MaxValue,
    ];

    private static readonly string?[] Details =
    [
        null, "", "{}", "[]", "null", "{\"cr3\":-1}", "{\"cr0\":1e400}", "{\"slot\":\"x\"}", "{\"cpl\":99}", "{\"cpl\":-1}", "{\"cr0\":2147483649,\"cr4\":32,\"efer\":1280,\"cr3\":8192}",
        "{\"slot\":-1,\"gpa\":0,\"size\":4096}", "{\"slot\":2147483647,\"gpa\":18446744073709547520,\"size\":8192}", "{\"slot\":1,\"gpa\":1,\"size\":4096}",
        "{\"slot\":1,\"gpa\":0,\"size\":18446744073709551615}", "{\"slot\":1,\"gpa\":2147483648,\"size\":9223372036854771712}", "{\"slot\":0,\"size\":0}",
        "{\"slot\":1,\"gpa\":1099511627776,\"size\":1048576,\"logDirty\":true}", "{\"slot\":1,\"gpa\":1099511627776,\"size\":2097152,\"hvaOffset\":18446744073709551615}",
    ];

    private static int Captures => int.TryParse(Environment.GetEnvironmentVariable("REPLAY_FUZZ"), out var captures) ? captures : 60;

    private static int FirstSeed => int.TryParse(Environment.GetEnvironmentVariable("REPLAY_FUZZ_SEED"), out var seed) ? seed * Captures : 0;

    [Theory]
    [InlineData(MmuMode.Ept)]
    [InlineData(MmuMode.EptTdp)]
    [InlineData(MmuMode.Npt)]
    [InlineData(MmuMode.NptTdp)]
    [InlineData(MmuMode.Shadow)]
    public void An_absurd_event_is_replayed_or_refused_by_its_ordinal(MmuMode mode)
    {
        var refused = 0;
        for (var seed = 0; seed < Captures; seed++)
            refused += Replay(mode, FirstSeed + seed) ? 0 : 1;
        // Few are replayed to their end: that some are is asked of the captures that are always the same, not of any hundred.
        if (FirstSeed == 0)
            Assert.InRange(refused, 1, Captures - 1);
    }

    [Theory]
    [InlineData(0u)]
    [InlineData(65u)]
    [InlineData(uint.MaxValue)]
    [InlineData(0x8000_0000u)]
    public void A_store_of_no_size_that_a_CPU_has_is_refused(uint size) =>
        AssertRefused(new TraceEvent { Ordinal = 7, Kind = TraceEventKind.PageTableStore, Gva = 0x1000, Gpa = 0x1000, Size = size, Value = 1 }, $"{size} bytes");

    [Theory]
    [InlineData(1)]
    [InlineData(4095)]
    [InlineData(8192)]
    public void A_page_image_is_a_page(int length) =>
        AssertRefused(new TraceEvent { Ordinal = 7, Kind = TraceEventKind.PageImage, Gpa = 0x1000, Data = new byte[length] }, $"{length} bytes");

    private static void AssertRefused(TraceEvent row, string what)
    {
        var chunk = new TraceChunk();
        chunk.Events.Add(row);
        var failure = Assert.Throws<CaptureFormatException>(() => Session(MmuMode.Ept).Process(chunk));
        Assert.Contains("Event 7 ", failure.Message, StringComparison.Ordinal);
        Assert.Contains(what, failure.Message, StringComparison.Ordinal);
    }

    /// <returns>False: it was refused.</returns>
    private static bool Replay(MmuMode mode, int seed)
    {
        var random = new Random(seed);
        var session = Session(mode);
        var watch = Stopwatch.StartNew();
        var chunk = new TraceChunk();
        var ordinal = 0L;
        try
        {
            if (seed % 3 != 0)
                Begin(session, ref ordinal);
            for (; ordinal < EventsPerCapture; ordinal++)
            {
                chunk.Clear();
                if (random.Next(4) == 0)
                    chunk.Add(ordinal++, (byte)random.Next(2), (AccessKind)random.Next(3), (AccessFlags)random.Next(256), Number(random) & ~0xfffUL, Number(random) & ~0xfffUL, (byte)random.Next(1, 65));
                chunk.Events.Add(Absurd(random, ordinal));
                session.Process(chunk);
                Assert.True(watch.Elapsed < Hang.Limit, $"{mode}, seed {seed}: {chunk.Events[0]} takes for ever");
            }

            session.Finish();
            return true;
        }
        catch (CaptureFormatException refusal)
        {
            Assert.Contains($"Event {ordinal} ", refusal.Message, StringComparison.Ordinal);
            return false;
        }
        catch (Exception failure)
        {
            Assert.Fail($"{mode}, seed {seed}, {(chunk.Events.Count > 0 ? chunk.Events[0] : "the end")}: {failure}");
            throw;
        }
    }

    /// <summary>Four-level paging that maps the first pages to themselves, so that absurd addresses get somewhere.</summary>
    private static void Begin(ReplaySession session, ref long ordinal)
    {
        var chunk = new TraceChunk();
        chunk.Events.Add(new TraceEvent { Ordinal = ordinal++, Kind = TraceEventKind.Memslot, Detail = EventDetail.Write(new MemslotChange { Slot = 0, Size = 0x1000_0000 }) });
        for (var page = 1UL; page <= 4; page++)
        {
            var data = new byte[4096];
            for (var entry = 0; entry < 512; entry++)
                BitConverter.TryWriteBytes(data.AsSpan(entry * 8), page < 4 ? ((page + 1) << 12) | 7 : ((ulong)entry << 12) | 7);
            chunk.Events.Add(new TraceEvent { Ordinal = ordinal++, Kind = TraceEventKind.PageImage, Gpa = page << 12, Data = data });
        }

        var state = new VcpuState { Cr0 = 0x8005_0033, Cr3 = 0x1000, Cr4 = 0x6f0, Efer = 0xd01 };
        chunk.Events.Add(new TraceEvent { Ordinal = ordinal++, Kind = TraceEventKind.VcpuState, Detail = EventDetail.Write(state) });
        session.Process(chunk);
    }

    private static TraceEvent Absurd(Random random, long ordinal)
    {
        var kinds = Enum.GetValues<TraceEventKind>();
        return new TraceEvent
        {
            Ordinal = ordinal,
            Kind = kinds[random.Next(kinds.Length)],
            Vcpu = (byte)(random.Next(3) == 0 ? 1 : 0),
            Access = random.Next(3) == 0 ? null : (AccessKind)random.Next(3),
            Flags = random.Next(3) == 0 ? null : (AccessFlags)random.Next(256),
            Gva = Maybe(random),
            Gpa = Maybe(random),
            Size = random.Next(3) != 0 ? (uint)random.Next(1, 9) : (uint?)Maybe(random),
            Value = Maybe(random),
            ErrorCode = (uint?)Maybe(random),
            Rip = Maybe(random),
            Detail = Details[random.Next(Details.Length)],
            Data = random.Next(4) switch { 0 => [], 1 => Bytes(random, 4096), 2 => null, _ => random.Next(3) == 0 ? Bytes(random, random.Next(9000)) : Bytes(random, 4096) },
        };
    }

    private static byte[] Bytes(Random random, int length)
    {
        var bytes = new byte[length];
        random.NextBytes(bytes);
        return bytes;
    }

    private static ulong? Maybe(Random random) => random.Next(5) == 0 ? null : Number(random);

    private static ulong Number(Random random) => random.Next(4) switch
    {
        0 => (ulong)random.NextInt64(long.MinValue, long.MaxValue),
        1 => Numbers[random.Next(Numbers.Length)] + (ulong)random.Next(-1, 2),
        _ => Numbers[random.Next(Numbers.Length)],
    };

    private static ReplaySession Session(MmuMode mode) => new(
        new CaptureManifest { Source = "test", Tool = "test", Vcpus = 2, MemoryBytes = 1 << 28 }, new ReplayOptions { Mode = mode }, new SilentHistory());
}
