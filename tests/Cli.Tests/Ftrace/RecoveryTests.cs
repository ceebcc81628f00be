using System.Globalization;
using System.IO.Compression;
using System.Text;

namespace Replay.Cli.Tests.Ftrace;

/// <summary>
/// Traces of which a part is missing: what is left is recovered, and nothing is made up. With REPLAY_TRACES, a folder of cases as tests/real-kvm makes them
/// (tests/recovered sets it), the same is measured of all of them, and the table goes to REPLAY_TRACES_TO.
/// </summary>
public sealed class RecoveryTests : IDisposable
{
    private static readonly double[] Places = [0.25, 0.5, 0.75];

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_folder_of_recorded_cases_is_measured()
    {
        var folder = Environment.GetEnvironmentVariable("REPLAY_TRACES");
        var traces = folder is null ? [Bundled("amd-npt-tdp-ptemod.thp", "amd-tcg", "6.1", "npt-tdp")] : Recorded(folder).ToList();
        Assert.NotEmpty(traces);
        var table = new StringBuilder("kernel,mode,case,part,place,real,in_order,older,others,made_up,agrees,claimed\n");
        foreach (var trace in traces)
        {
            foreach (var part in Enum.GetValues<TracePart>())
            {
                foreach (var place in part == TracePart.Whole ? [0.5] : Places)
                {
                    var share = await RecoveredShare.Measure(_folder, trace, part, place);
                    table.Append(CultureInfo.InvariantCulture, $"{trace.Kernel},{trace.Mode},{trace.Name},{part.ToString().ToLowerInvariant()},{place},{share.Real},{share.InOrder},{share.Older},{share.Others},{share.MadeUp},{share.Agrees},{share.Claimed}\n");
                }
            }
        }

        if (Environment.GetEnvironmentVariable("REPLAY_TRACES_TO") is { } to)
            File.WriteAllText(to, table.ToString());
        Assert.True(table.Length > 100);
    }

    /// <summary>
    /// Real traces, cut in their middle and with lines lost there: the TDP MMU's lines tell of what is older, and every write is recovered in order. Of the
    /// shadow MMU code no line tells which pages an older table mapped: their clears are not, and everything else is.
    /// </summary>
    [Theory]
    [InlineData("amd-npt-tdp-ptemod.thp", "amd-tcg", "6.1", "npt-tdp")]
    [InlineData("amd-npt-tdp-smpshared.lazy", "amd-tcg", "6.1", "npt-tdp")]
    [InlineData("intel-ept-tdp-mmio.4k", "intel-bochs", "6.1", "ept-tdp")]
    [InlineData("amd-6.12-npt-tdp-lm2m.dirty4k", "amd-tcg", "6.12", "npt-tdp")]
    [InlineData("amd-npt-lm2m.thp", "amd-tcg", "6.1", "npt")]
    [InlineData("intel-ept-nopg.thp", "intel-bochs", "6.1", "ept")]
    public async Task Of_a_part_of_a_trace_everything_is_recovered_that_its_lines_tell_of(string name, string host, string kernel, string mode)
    {
        var trace = Bundled(name, host, kernel, mode);
        foreach (var part in (TracePart[])[TracePart.Cut, TracePart.Lost])
        {
            var share = await RecoveredShare.Measure(_folder, trace, part);
            Assert.True(share.Real > 0);
            Assert.True(share.Others == 0, $"{part}: {share}");
            Assert.True(share.MadeUp == 0 && share.Agrees, $"{part}: {share}");
            if (mode.EndsWith("-tdp", StringComparison.Ordinal))
                Assert.True(share.Older == 0, $"{part}: {share}");
        }
    }

    /// <summary>
    /// Without its system call no line shows a reading of the dirty log: when it was is taken from faults that follow, and what it did to entries is said to be
    /// assumed. Every line is the model's, and nothing is told as derived that the kernel did not do.
    /// </summary>
    [Theory]
    [InlineData("amd-6.12-npt-lm2m.dirty4k", "amd-tcg", "6.12", "npt")]
    [InlineData("intel-noad-ept-lm4k.dirty4k", "intel-bochs-noad", "6.1", "ept")]
    public async Task What_a_reading_of_the_dirty_log_did_is_assumed_where_no_line_shows_it(string name, string host, string kernel, string mode)
    {
        var text = string.Join('\n', RealTrace.Text(name).Split('\n').Where(line => !line.Contains("sys_enter_ioctl", StringComparison.Ordinal) && !line.Contains(" sys_ioctl(", StringComparison.Ordinal)));
        foreach (var part in (TracePart[])[TracePart.Cut, TracePart.Lost])
        {
            var share = await RecoveredShare.Measure(_folder, new RecordedTrace(name, text, host, kernel, mode), part);
            Assert.True(share.InOrder > 0 && share.Claimed == 0 && share.Agrees, $"{part}: {share}");
        }
    }

    private static RecordedTrace Bundled(string trace, string host, string kernel, string mode) => new(trace, RealTrace.Text(trace), host, kernel, mode);

    /// <summary>FOLDER/VENDOR/MODE/PAYLOAD.VARIANT/trace.txt, compressed or not, with EPT and NPT; the kernel by the path.</summary>
    private static IEnumerable<RecordedTrace> Recorded(string folder)
    {
        foreach (var path in Directory.EnumerateFiles(folder, "trace.txt*", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
        {
            var parts = Path.GetDirectoryName(path)!.Split(Path.DirectorySeparatorChar);
            var (vendor, mode, name) = (parts[^3], parts[^2], parts[^1]);
            if (mode == "shadow")
                continue;
            using Stream unzipped = path.EndsWith(".gz", StringComparison.Ordinal) ? new GZipStream(File.OpenRead(path), CompressionMode.Decompress) : File.OpenRead(path);
            using var reader = new StreamReader(unzipped, Encoding.Latin1);
            var host = vendor switch { "amd" => "amd-tcg", "intel-noad" => "intel-bochs-noad", _ => "intel-bochs" };
            yield return new RecordedTrace(name, reader.ReadToEnd(), host, path.Contains("6.12", StringComparison.Ordinal) ? "6.12" : "6.1", mode);
        }
    }
}
