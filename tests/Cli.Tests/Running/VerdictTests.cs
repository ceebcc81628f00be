using System.Text.Json;
using Replay.Trace;

namespace Replay.Cli.Tests;

/// <summary>
/// What <c>verify</c>, <c>run</c> and <c>info</c> say where model and capture part: a recording of a synthetic guest, in which one
/// access is made to be another than the guest made.
/// </summary>
public sealed class VerdictTests : IDisposable
{
    private const int Changed = 900;
    private const ulong Nowhere = 0x7f00_1234_5000;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("translation_differs", "in the capture and at 0x")]
    [InlineData("unexpected_guest_fault", "the model says #PF, error code 0x4")]
    [InlineData("missing_guest_fault", "the guest took a #PF at gva 0x")]
    [InlineData("unknown_table_content", "reads a page table whose content the capture does not have")]
    [InlineData("mmio_differs", "is a device's on one side and RAM's on the other")]
    public async Task Where_model_and_recorded_CPU_part_verify_fails_and_names_the_first(string kind, string reason)
    {
        var ordinal = await Record(kind);
        var (exitCode, text, error) = await CommandRunner.Run("verify", _folder["parted.capture"], "-m", "ept", "-m", "npt-tdp", "-q");
        Assert.Equal(ExitCode.Different, exitCode);
        Assert.Contains("ept: DIFFERS: ", text, StringComparison.Ordinal);
        Assert.Contains("not seen by the capture: the moon", text, StringComparison.Ordinal);
        foreach (var mode in (string[])["ept", "npt-tdp"])
        {
            var line = Assert.Single(error.Split('\n'), line => line.StartsWith($"replay verify: {mode}: {kind} (", StringComparison.Ordinal));
            Assert.Contains($"first at ordinal {ordinal}, vCPU 0, rip ", line, StringComparison.Ordinal);
            Assert.Contains(reason, line, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Run_and_info_say_it_too()
    {
        var ordinal = await Record("missing_guest_fault");
        var (exitCode, text, error) = await CommandRunner.Run("run", _folder["parted.capture"], "-m", "ept", "-o", _folder["parted.db"], "-q");
        Assert.Equal(ExitCode.Done, exitCode);
        Assert.Contains("ept: DIFFERS: 1 missing_guest_fault", text, StringComparison.Ordinal);
        Assert.Contains($"replay run: ept: missing_guest_fault (1): first at ordinal {ordinal}", error, StringComparison.Ordinal);

        (_, text, _) = await CommandRunner.Run("info", _folder["parted.db"]);
        Assert.Contains("verdict   DIFFERS: 1 missing_guest_fault", text, StringComparison.Ordinal);
        Assert.Contains($"missing_guest_fault (1): first at ordinal {ordinal}, vCPU 0, rip ", text, StringComparison.Ordinal);
        Assert.Contains("not seen by the capture: the moon", text, StringComparison.Ordinal);

        (_, text, _) = await CommandRunner.Run("info", _folder["parted.db"], "--json");
        using var json = JsonDocument.Parse(text);
        var verdict = json.RootElement.GetProperty("runs")[0];
        Assert.Equal("differs", verdict.GetProperty("verdict").GetString());
        Assert.Equal(ordinal, verdict.GetProperty("disagreements")[0].GetProperty("first").GetProperty("ordinal").GetInt64());

        (_, text, _) = await CommandRunner.Run("query", _folder["parted.db"], "select kind, bearing, count, ordinal from verdict", "--format", "csv");
        Assert.Contains($"missing_guest_fault,disagreement,1,{ordinal}", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Where_nothing_was_compared_nothing_is_called_exact()
    {
        var verdict = Replayer.Verdict.Of(0, [], []);
        Assert.Equal("none", verdict.Answer);
        Assert.Equal("no verdict: there was no translation of a CPU to compare with", verdict.ToString());
        Assert.Equal("exact", Replayer.Verdict.Of(1, [], []).Answer);
    }

    [Fact]
    public async Task Features_that_KVM_does_not_offer_are_named_and_are_no_disagreement()
    {
        await Record("feature_not_offered");
        var (exitCode, text, error) = await CommandRunner.Run("verify", _folder["parted.capture"], "-m", "ept", "-m", "shadow", "-q");
        Assert.True(exitCode == ExitCode.Done, error);
        Assert.Contains("ept: exact: ", text, StringComparison.Ordinal);
        Assert.Contains("ept: not covered: feature_not_offered (1): first at ordinal ", text, StringComparison.Ordinal);
        Assert.Contains("the guest uses CR4.PKS, which the modelled KVM offers no guest in this mode", text, StringComparison.Ordinal);
        Assert.Contains("the guest uses CR4.PKE, CR4.PKS, which", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_guest_that_agrees_says_what_the_answer_rests_on()
    {
        await Record("");
        var (exitCode, text, error) = await CommandRunner.Run("verify", _folder["parted.capture"], "-m", "ept", "--json", "-q");
        Assert.Equal((ExitCode.Done, ""), (exitCode, error));
        using var json = JsonDocument.Parse(text);
        var verdict = json.RootElement[0];
        Assert.Equal("exact", verdict.GetProperty("verdict").GetString());
        Assert.Equal("the moon", verdict.GetProperty("notSeen")[0].GetString());
    }

    /// <summary>Recordings of guests whose vCPUs run at once, in whatever order QEMU ran them; conformance looks at their turns alone.</summary>
    [Theory]
    [InlineData("smpshared")]
    [InlineData("smpmode")]
    [InlineData("smpstress4")]
    public async Task Every_access_of_several_vCPUs_ends_where_it_did_in_every_mode(string guest)
    {
        var capture = Repository.Data("conformance", $"{guest}.capture");
        var (exitCode, text, error) = await CommandRunner.Run("verify", capture, "-m", "ept", "-m", "ept-tdp", "-m", "npt", "-m", "npt-tdp", "-m", "shadow", "--json", "-q");
        Assert.True(exitCode == ExitCode.Done, error);
        using var json = JsonDocument.Parse(text);
        Assert.All(json.RootElement.EnumerateArray(), mode =>
        {
            Assert.Equal("exact", mode.GetProperty("verdict").GetString());
            Assert.True(mode.GetProperty("translationsChecked").GetInt64() > 100_000);
        });
    }

    /// <summary>Records a guest and changes one access.</summary>
    /// <returns>Its ordinal.</returns>
    private async Task<long> Record(string change)
    {
        await CommandRunner.Run("record", "synthetic", "--workload", "demand-paging", "-k", "pages=64", "--max-accesses", "2000", "-o", _folder["x.capture"], "-q");
        using var reader = CaptureReader.Open(_folder["x.capture"]);
        using var writer = CaptureWriter.Create(_folder["parted.capture"], reader.Manifest with { Blind = ["the moon"] });
        var chunk = new TraceChunk();
        var ordinal = 0L;
        var cr4 = 0UL;
        while (reader.TryRead(chunk))
        {
            if (chunk.Events.Find(row => row.Kind == TraceEventKind.VcpuState) is { Detail: not null } state)
                cr4 = EventDetail.ReadVcpuState(state).Cr4;
            cr4 = chunk.Events.Where(row => row.Kind == TraceEventKind.Cr4Write && row.Ordinal < Changed).Select(row => row.Value!.Value).LastOrDefault(cr4);
            if (ordinal == 0 && chunk.AccessCount > Changed)
            {
                ordinal = chunk.Ordinals[Changed];
                writer.Write(Change(chunk, change, cr4));
            }
            else
            {
                writer.Write(chunk);
            }
        }

        writer.Complete("guest-exit", reader.Manifest.AccessesSeen);
        return ordinal;
    }

    private static TraceChunk Change(TraceChunk chunk, string change, ulong cr4)
    {
        var (gva, gpa, ordinal) = (chunk.Gvas[Changed], chunk.Gpas[Changed], chunk.Ordinals[Changed]);
        switch (change)
        {
            case "translation_differs":
                chunk.Gpas[Changed] ^= 0x1000;
                return chunk;
            case "unexpected_guest_fault":
                chunk.Gvas[Changed] = Nowhere | (gva & 0xfff);
                chunk.Kinds[Changed] = (byte)AccessKind.Read;
                chunk.Flags[Changed] = (byte)AccessFlags.User;
                return chunk;
            case "missing_guest_fault":
                return With(chunk, new TraceEvent { Ordinal = ordinal, Kind = TraceEventKind.GuestPageFault, Gva = gva, ErrorCode = 0 });
            case "unknown_table_content":
                return With(chunk, new TraceEvent { Ordinal = ordinal, Kind = TraceEventKind.Cr3Write, Value = 0x5000 }, notedBehind: true);
            case "mmio_differs":
                return With(chunk, new TraceEvent { Ordinal = ordinal, Kind = TraceEventKind.Mmio, Access = AccessKind.Read, Gva = gva, Gpa = gpa, Size = 4 });
            case "feature_not_offered":
                return With(chunk, new TraceEvent { Ordinal = ordinal, Kind = TraceEventKind.Cr4Write, Value = cr4 | 1 << 24 | 1 << 22 });
            default:
                return chunk;
        }
    }

    /// <summary>The chunk with an event in the place of the access.</summary>
    private static TraceChunk With(TraceChunk chunk, TraceEvent instead, bool notedBehind = false)
    {
        var changed = new TraceChunk { HasRips = chunk.HasRips };
        changed.Events.AddRange(chunk.Events);
        var at = changed.Events.FindIndex(row => row.Ordinal > instead.Ordinal);
        changed.Events.Insert(at < 0 ? changed.Events.Count : at, instead with { Ordinal = instead.Ordinal - (notedBehind ? 1 : 0) });
        for (var i = 0; i < chunk.AccessCount; i++)
        {
            if (i != (notedBehind ? Changed - 1 : Changed))
                changed.Add(chunk.Ordinals[i], chunk.Vcpus[i], (AccessKind)chunk.Kinds[i], (AccessFlags)chunk.Flags[i], chunk.Gvas[i], chunk.Gpas[i], chunk.Sizes[i], chunk.Rips[i]);
        }

        return changed;
    }
}
