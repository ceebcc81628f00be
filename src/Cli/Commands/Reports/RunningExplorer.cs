using System.Text.Json;
using Replay.Analyzer.Diff;
using Replay.Analyzer.Diff.Html;
using Replay.Explorer;

namespace Replay.Cli.Commands;

/// <summary>A 'replay serve' that shows the two runs of a comparison, for a report to link to.</summary>
internal static class RunningExplorer
{
    private static readonly Uri Usual = new($"http://127.0.0.1:{ExplorerOptions.DefaultPort}");
    private static readonly TimeSpan UsualPatience = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    /// <param name="address">Where it was said to run; null: looked for on this machine, at the port that it takes by itself.</param>
    /// <param name="diff">The comparison.</param>
    /// <param name="cancellation">Stops it.</param>
    /// <returns>Null: none was named, and none is there that shows both runs.</returns>
    /// <exception cref="InputMissingException">The one that was named is not there, or does not show both runs.</exception>
    public static async Task<ExplorerLinks?> FindAsync(string? address, RunDiff diff, CancellationToken cancellation)
    {
        if (address is not null && (!Uri.TryCreate(address, UriKind.Absolute, out var given) || given.Scheme is not ("http" or "https")))
            throw new UsageException($"--explorer {address}: the address that 'replay serve' printed, such as {Usual}.");
        var server = address is null ? Usual : new Uri(address);
        try
        {
            using var client = new HttpClient { Timeout = address is null ? UsualPatience : Patience };
            // The query may have the token; the links do not, since the browser has its cookie.
            using var runs = JsonDocument.Parse(await client.GetStringAsync(new Uri(server, $"/runs.json{server.Query}"), cancellation).ConfigureAwait(false));
            var plain = new Uri(server.GetLeftPart(UriPartial.Authority));
            if (Key(runs, diff.A) is { } a && Key(runs, diff.B) is { } b)
                return new ExplorerLinks(plain, a, b);
        }
        catch (Exception exception) when (exception is HttpRequestException or JsonException or KeyNotFoundException or InvalidOperationException || (exception is TaskCanceledException && !cancellation.IsCancellationRequested))
        {
            return address is null ? null : throw new InputMissingException($"--explorer {address}: no 'replay serve' answers there ({exception.Message}).");
        }

        return address is null ? null : throw new InputMissingException($"--explorer {address}: does not show both runs. Start it as replay serve {diff.A.Database}{(diff.A.Database == diff.B.Database ? "" : $" {diff.B.Database}")}.");
    }

    private static string? Key(JsonDocument served, DiffSideInfo side)
    {
        foreach (var database in served.RootElement.GetProperty("databases").EnumerateArray())
        {
            if (Path.GetFullPath(database.GetProperty("path").GetString()!) != Path.GetFullPath(side.Database))
                continue;
            foreach (var run in database.GetProperty("runs").EnumerateArray())
            {
                if (run.GetProperty("run").GetInt32() == side.Run)
                    return run.GetProperty("key").GetString();
            }
        }

        return null;
    }
}
