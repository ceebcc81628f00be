using System.Text;
using CsCheck;

namespace Replay.Recorder.Tests.Ftrace;

/// <summary>Whatever a file holds, reading it ends, and accounts for every line of it.</summary>
public sealed class FuzzTests
{
    private static readonly string[] Numbers = ["0", "-1", "18446744073709551616", "ffffffffffffffffffff", "0x", "99999999999999999999", ""];
    private static readonly byte[][] RealLines = Lines();

    [Fact]
    public void Bytes_without_sense_are_survived() =>
        Gen.Byte.Array[0, 4000].Sample(bytes => Accounted(bytes), iter: 1000);

    [Fact]
    public void Damaged_lines_of_real_traces_are_survived() =>
        Gen.Select(Gen.Int[0, RealLines.Length - 1], Gen.Int[0, 400], Gen.Byte, Gen.Int[0, 3]).Array[1, 20].Sample(
            edits =>
            {
                using var text = new MemoryStream();
                foreach (var (line, at, value, edit) in edits)
                {
                    text.Write(Edit(RealLines[line], at, value, edit));
                    text.WriteByte((byte)'\n');
                }

                Accounted(text.ToArray());
            },
            iter: 2000);

    [Fact]
    public void Numbers_of_any_size_are_survived() =>
        Gen.Select(Gen.Int[0, RealLines.Length - 1], Gen.Int[0, Numbers.Length - 1]).Sample(
            (line, number) => Accounted(Encoding.Latin1.GetBytes(
                System.Text.RegularExpressions.Regex.Replace(Encoding.Latin1.GetString(RealLines[line]), "[0-9a-f]{2,}", Numbers[number]) + "\n")),
            iter: 2000);

    private static void Accounted(byte[] text)
    {
        var listing = Listing.Of(text);
        var summary = listing.Summary;
        var lines = Encoding.Latin1.GetString(text).Split('\n');
        Assert.Equal(lines.Length - (lines[^1].Length == 0 ? 1 : 0), summary.Lines);
        Assert.Equal(summary.Events, listing.Names.Values.Sum());
        Assert.True(summary.Events + summary.DamagedLines + summary.LossMarkers <= summary.Lines);
        Assert.Equal(summary.DamagedLines + summary.UnreadableEvents, listing.Damaged.Count);
    }

    private static byte[] Edit(byte[] line, int at, byte value, int edit)
    {
        at = Math.Min(at, line.Length - 1);
        return edit switch
        {
            0 => line[..at],
            1 => [.. line[..at], value == (byte)'\n' ? (byte)0 : value, .. line[(at + 1)..]],
            2 => [.. line[..at], .. line[(at + 1)..]],
            _ => [.. line[..at], .. line[at..], .. line[..at]],
        };
    }

    private static byte[][] Lines()
    {
        var names = new[] { "amd-shadow-mmio.4k.trace.gz", "intel-ept-tdp-mmio.4k.trace.gz", "trace-cmd-report.txt", "perf-script.txt", "linux-3.6.txt", "linux-4.19.txt" };
        return [.. names.SelectMany(name => Encoding.Latin1.GetString(TestTraces.Read(name)).Split('\n')).Where(line => line.Length > 0).Select(Encoding.Latin1.GetBytes)];
    }
}
