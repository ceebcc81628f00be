namespace Replay.Trace.Tests;

/// <summary>
/// The captures in <c>tests/data/capture</c> were written once and stay. Captures that people have made must be read by every later version,
/// and a change of what is written must be meant: then they are joined by one more, not replaced.
/// </summary>
public sealed class FormatPinTests
{
    private static readonly string[] Files = ["accesses-00000.parquet", "events-00000.parquet"];

    [Theory]
    [InlineData("v1.capture", 1)]
    [InlineData("v1-filtered.capture", 1)]
    [InlineData("v2.capture", 2)]
    [InlineData("v2-filtered.capture", 2)]
    [InlineData("v2-indexed.capture", 2)]
    [InlineData("v2-indexed-filtered.capture", 2)]
    public void Captures_of_every_version_are_read(string name, int version)
    {
        var read = Captures.Read(Pinned(name));
        Assert.Equal(Expected().Accesses, read.Accesses);
        Assert.Equal(Expected(version).Events.Select(WithoutData), read.Events.Select(WithoutData));
        Assert.Equal(Expected(version).Events.Select(row => row.Data), read.Events.Select(row => row.Data));
    }

    /// <summary>The manifest of <c>v1.capture</c> names a filter, but when it was written, filtered captures were encoded as full ones are.</summary>
    [Fact]
    public void A_full_capture_is_written_byte_by_byte_as_it_was()
    {
        using var temporary = new TemporaryDirectory();
        Captures.Write(temporary.Capture, Expected(), hasRips: true, filtered: false);
        Assert.All(Files, name => AssertSame(Pinned("v2-indexed.capture"), temporary.Capture, name));
    }

    [Fact]
    public void A_filtered_capture_is_written_byte_by_byte_as_it_was()
    {
        using var temporary = new TemporaryDirectory();
        Captures.Write(temporary.Capture, Expected(), hasRips: true);
        Assert.All([.. Files, "manifest.json"], name => AssertSame(Pinned("v2-indexed-filtered.capture"), temporary.Capture, name));
    }

    private static string Pinned(string name) => Repository.Data("capture", name);

    private static void AssertSame(string pinned, string written, string name) =>
        Assert.Equal(File.ReadAllBytes(Path.Combine(pinned, name)), File.ReadAllBytes(Path.Combine(written, name)));

    private static TraceEvent WithoutData(TraceEvent row) => row with { Data = null };

    /// <summary>Accesses with short and long runs over few and many pages; every kind of event; every column filled and null.</summary>
    private static Recording Expected(int version = CaptureManifest.CurrentVersion)
    {
        var recording = Captures.Simple(1000);
        for (var i = 0; i < 600; i++)
        {
            var ordinal = 2000 + (3L * i * i);
            recording.Accesses.Add(new Row(ordinal, (byte)(i % 3), (AccessKind)(i % 2), (AccessFlags)(i % 4), 0x7fff_0000_0000 + ((ulong)i << 12) + ((ulong)i * 8 % 4096), ((ulong)i * 7 << 12) + ((ulong)i * 8 % 4096), (byte)(1 << (i % 4)), (ulong)i * 5));
        }
        int[] kinds = [1, 2, 3, 4, 8, 9, 10, 11, 12, 13, 14, 16, 17, 18, 19, 20, 24, 25, 32, 33, 34, 35, 36, 37, 40, 41];
        for (var i = 0; i < kinds.Length; i++)
            recording.Events.Add(Event(2_000_000 + i, (TraceEventKind)kinds[i], i));
        int[] nested = version == 1 ? [] : [5, 15, 44, 45];
        for (var i = 0; i < nested.Length; i++)
        {
            var row = Event(3_000_000 + i, (TraceEventKind)nested[i], kinds.Length + i);
            recording.Events.Add(row with { L2Gpa = i == 2 ? null : 0x0abc + ((ulong)i << 40) });
        }
        return recording;
    }

    private static TraceEvent Event(long ordinal, TraceEventKind kind, int i) => new()
    {
        Ordinal = ordinal,
        Kind = kind,
        Vcpu = (byte)i,
        Access = i % 4 == 3 ? null : (AccessKind)(i % 4),
        Flags = i % 2 == 0 ? null : (AccessFlags)(i % 16),
        Gva = i % 3 == 0 ? null : 0xffff_8880_0000_0abc + ((ulong)i << 20),
        Gpa = i % 5 == 0 ? null : 0x0abc + ((ulong)i << 30),
        Size = i % 7 == 0 ? null : (uint)(i * i),
        Value = i % 6 == 5 ? null : ulong.MaxValue / (ulong)(i + 1),
        ErrorCode = i % 4 == 1 ? uint.MaxValue - (uint)i : null,
        Rip = i % 3 == 1 ? null : 0xffff_ffff_8100_0000 + (ulong)i,
        Detail = i % 8 == 2 ? $"{{\"n\":{i}}}" : null,
        Data = i % 9 == 4 ? [(byte)i, 0, 255] : null,
    };
}
