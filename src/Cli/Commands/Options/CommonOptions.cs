using System.CommandLine;
using System.CommandLine.Completions;
using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.Data.Sqlite;
using Replay.Analyzer.Store;
using Replay.Trace;

namespace Replay.Cli.Commands;

/// <summary>Options that mean the same everywhere.</summary>
internal static class CommonOptions
{
    public static Option<bool> Json() => new("--json") { Description = "JSON on stdout; addresses are \"0x...\" strings" };

    /// <summary>How answers are written as JSON.</summary>
    public static JsonSerializerOptions JsonFormat { get; } = new(JsonSerializerDefaults.Web) { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static Option<bool> Wide() => new("--wide") { Description = "Lines as long as they are, not folded at the terminal's width" };

    public static Option<bool> Quiet() => new("--quiet", "-q") { Description = "No progress" };

    public static Option<bool> Force() => new("--force") { Description = "Overwrite the output if it exists" };

    public static Option<string> Output(string what) => new("--output", "-o") { Description = what, HelpName = "FILE", Required = true };

    public static Option<string[]> Symbols() => new("--symbols")
    {
        Description = "Name the function of each rip by System.map, kallsyms or an ELF file; FILE@OFFSET where it was moved, FILE@CR3=VALUE of one address space alone; repeatable",
        HelpName = "FILE",
    };

    /// <summary>It takes one of a few words: completion offers them, and another is asked back before anything else is looked at.</summary>
    public static void TakesOneOf(this Option option, params IEnumerable<string> words)
    {
        var known = words.ToArray();
        option.CompletionSources.Add(known);
        option.Validators.Add(result =>
        {
            foreach (var token in result.Tokens.Where(token => !known.Contains(token.Value)))
                result.AddError($"{option.Name} {token.Value}: {DidYouMean.Choose(token.Value, known)}");
        });
    }

    /// <summary>It takes runs of a database that is named beside it: completion offers their names.</summary>
    public static void TakesRunsOf(this Option option, Argument<string> database) => option.CompletionSources.Add(context => RunNames(context.ParseResult.GetValue(database)).Select(name => new CompletionItem(name)));

    /// <summary>Where somebody types, nothing is a mistake yet.</summary>
    private static List<string> RunNames(string? path)
    {
        if (!File.Exists(path))
            return [];
        try
        {
            using var database = Database.OpenRead(path);
            return [.. database.Runs.Select(run => run.Name)];
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or DatabaseFormatException or SqliteException)
        {
            return [];
        }
    }

    public static SymbolTable? ReadSymbols(string[]? files) => files is { Length: > 0 } ? SymbolTable.Read(files) : null;

    /// <summary>Of recordings: what replays of them do meanwhile.</summary>
    public static Option<string?> HostEvents() => new("--host-events")
    {
        Description = "Keep with the capture what the host does whenever it is replayed: a JSON object a line, at ordinals or markers (schemas/host-events.md)",
        HelpName = "FILE",
    };

    /// <summary>The manifest with the host events that were named.</summary>
    public static CaptureManifest With(this CaptureManifest manifest, HostScript? script) => script?.AddTo(manifest) ?? manifest;

    public static HostScript? ReadHostEvents(string? path) => path is null ? null : HostScript.Parse(File.ReadAllText(path), path);
}
