namespace Replay.Trace.Tests;

/// <summary>
/// <c>tests/data/capture/v1.capture</c> was written once and stays. Captures that people have made must be read by every later version,
/// and a change of what is written must be meant: then this capture is joined by one of the new version, not replaced.
/// </summary>
public sealed class FormatPinTests
{
    private static readonly string Pinned = RepositoryFile.PathOf("tests/data/capture/v1.capture");

    [Fact]
    public void Captures_of_version_1_are_read()
    {
        var read = Captures.Read(Pinned);
        Assert.Equal(Expected().Accesses, read.Accesses);
        Assert.Equal(Expected().Events.Select(WithoutData), read.Events.Select(WithoutData));
        Assert.Equal(Expected().Events.Select(row => row.Data), read.Events.Select(row => row.Data));
    }

    [Fact]
    public void What_is_written_is_version_1_byte_by_byte()
    {
        using var temporary = new TemporaryDirectory();
        Captures.Write(temporary.Capture, Expected(), hasRips: true);
        var names = Directory.GetFiles(Pinned).Select(Path.GetFileName).Order(StringComparer.Ordinal).ToList();
        Assert.Equal(["accesses-00000.parquet", "events-00000.parquet", "manifest.json"], names);
        Assert.All(names, name => Assert.Equal(File.ReadAllBytes(Path.Combine(Pinned, name!)), File.ReadAllBytes(Path.Combine(temporary.Capture, name!))));
    }

    private static TraceEvent WithoutData(TraceEvent row) => row with { Data = null };

    /// <summary>Accesses with short and long runs over few and many pages; every kind of event; every column filled and null.</summary>
    private static Recording Expected()
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
