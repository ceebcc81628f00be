using System.Text.Json;
using Replay.Cli.Terminal;
using Replay.Trace;

namespace Replay.Cli.Commands;

/// <summary>What a recording tells of itself.</summary>
internal static class RecordingReport
{
    /// <summary>Its end: a line on stderr, or an object on stdout.</summary>
    /// <param name="capture">The capture as the user named it.</param>
    /// <param name="manifest">What was recorded.</param>
    /// <param name="json">JSON was asked for.</param>
    /// <param name="console">Where it is told.</param>
    /// <param name="elapsed">How long it took, where that is more than the guest's own time.</param>
    public static void Write(string capture, CaptureManifest manifest, bool json, CliConsole console, TimeSpan? elapsed = null)
    {
        var recorded = manifest.Parts.Sum(part => part.Accesses);
        var events = manifest.Parts.Sum(part => part.Events);
        var bytes = manifest.Parts.Sum(part => part.Bytes);
        if (json)
        {
            console.Out.WriteLine(JsonSerializer.Serialize(
                new { capture, accessesMade = manifest.AccessesSeen, accessesRecorded = recorded, events, bytes, manifest.Complete, manifest.EndReason, seconds = elapsed?.TotalSeconds },
                CommonOptions.JsonFormat));
            return;
        }

        console.Error.WriteLine(
            $"{capture}: {Units.Count(manifest.AccessesSeen)} accesses made; {Units.Count(recorded)} plain ones recorded, "
            + $"{Units.Count(events)} events, {Units.Bytes(bytes)} ({manifest.EndReason ?? "incomplete"})");
    }

    /// <summary>Where the end is known, how far off it is.</summary>
    public static string Left(long done, long? most, TimeSpan time) =>
        most is { } all && done > 0 && all > done ? $", {100.0 * done / all:0} % of --max-accesses, {(time * ((all - done) / (double)done)).TotalSeconds:0} s left" : "";
}
