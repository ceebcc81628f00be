using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace Replay.RealKvm;

/// <summary>What became of a guest in one mode.</summary>
/// <param name="Recorded">The rig recorded it whole.</param>
/// <param name="Complete">The model did the same.</param>
/// <param name="Told">What was missing, or the class of the first divergence.</param>
internal sealed record FuzzOutcome(bool Recorded, bool Complete, string Told);

internal sealed record FuzzOptions
{
    public required string Kernel { get; init; }

    public string? Package { get; init; }

    public required string Repository { get; init; }

    public required string Interpreters { get; init; }

    public required string Output { get; init; }

    public required string Cache { get; init; }

    public ulong FirstSeed { get; init; } = 1;

    public ulong LastSeed { get; init; } = 20;

    public int Batch { get; init; } = 20;

    public int MaxVcpus { get; init; } = 1;

    public IReadOnlyList<string> Modes { get; init; } = ["npt-tdp", "npt", "shadow"];

    /// <summary>Operations that no guest gets: what is known to differ hides what is not.</summary>
    public IReadOnlySet<FuzzCode> Without { get; init; } = new HashSet<FuzzCode>();

    public bool Reduce { get; init; } = true;
}

/// <summary>Random guests on the real KVM and in the model; the first that differs in each batch is cut down.</summary>
internal sealed class Fuzz(FuzzOptions options)
{
    private static readonly double[] Parts = [1, 0.75, 0.5, 0.25];
    private int _boots;

    public int Run()
    {
        Directory.CreateDirectory(options.Output);
        var (runs, complete, found) = (0, 0, new List<string>());
        for (var first = options.FirstSeed; first <= options.LastSeed; first += (ulong)options.Batch)
        {
            var last = Math.Min(options.LastSeed, first + (ulong)options.Batch - 1);
            var guests = Enumerable.Range(0, (int)(last - first + 1)).Select(i => Generate(first + (ulong)i)).ToList();
            var tried = Try([.. guests.SelectMany(guest => options.Modes.Select(mode => (guest, mode)))]);
            var failed = tried.Where(one => !one.Outcome.Complete).ToList();
            runs += tried.Count;
            complete += tried.Count - failed.Count;
            Tell($"seeds {first}..{last} on {options.Kernel}: {tried.Count - failed.Count} of {tried.Count} complete");
            foreach (var (guest, mode, outcome) in failed)
            {
                found.Add($"{guest.Name} {mode} {guest.Variant}");
                Tell($"  {guest.Name} {(guest.Is64Bit ? "64" : "32")} bits, {guest.Vcpus} vCPUs, {mode}, {guest.Variant}: {outcome.Told}");
            }

            if (options.Reduce && failed.Find(one => one.Outcome.Recorded) is { Guest: not null } worst)
                Reduce(worst.Guest, worst.Mode, worst.Outcome.Told);
        }

        Tell($"total on {options.Kernel}: seeds {options.FirstSeed}..{options.LastSeed}, {complete} of {runs} complete, {_boots} boots{(options.Without.Count == 0 ? "" : $", without {string.Join(", ", options.Without.Order())}")}");
        return found.Count == 0 ? 0 : 1;
    }

    private FuzzGuest Generate(ulong seed)
    {
        var guest = FuzzGenerator.Generate(seed, options.MaxVcpus);
        return guest with { Operations = [.. guest.Operations.Where(operation => !options.Without.Contains(operation.Code))] };
    }

    private void Tell(string line)
    {
        Console.WriteLine(line);
        File.AppendAllText(Path.Combine(options.Output, "fuzz.log"), line + "\n");
    }

    /// <summary>One boot with all of them, and then the model.</summary>
    private List<(FuzzGuest Guest, string Mode, FuzzOutcome Outcome)> Try(IReadOnlyList<(FuzzGuest Guest, string Mode)> runs)
    {
        _boots++;
        var work = Path.Combine(options.Output, "work");
        if (Directory.Exists(work))
            Directory.Delete(work, recursive: true);
        Directory.CreateDirectory(work);
        foreach (var guest in runs.Select(run => run.Guest).Distinct())
            guest.Write(options.Interpreters, Path.Combine(work, $"{guest.Name}.elf"));
        File.WriteAllLines(Path.Combine(work, "jobs"), runs.Select(run => $"{run.Mode} {run.Guest.Variant} {work}/{run.Guest.Name}.elf:{run.Guest.Vcpus}"));
        List<string> arguments = ["--kernel", options.Kernel, "--cache", options.Cache, "--jobs", $"{work}/jobs", "-o", $"{work}/cases"];
        if (options.Package is { } package)
            arguments.AddRange(["--package", package]);
        var (code, text) = Execute(Path.Combine(options.Repository, "tests/real-kvm/run"), arguments);
        if (code == 2 && !Directory.Exists($"{work}/cases/amd"))
            throw new IOException($"the rig could not run: {text}");
        var outcomes = Conform($"{work}/cases", work);
        return [.. runs.Select(run => (run.Guest, run.Mode, Outcome(run.Guest, run.Mode, outcomes, text)))];
    }

    private static FuzzOutcome Outcome(FuzzGuest guest, string mode, Dictionary<string, FuzzOutcome> outcomes, string rig)
    {
        var name = $"amd/{mode}/{guest.Name}.{guest.Variant}";
        var told = rig.Split('\n').FirstOrDefault(line => line.StartsWith($"{name}:", StringComparison.Ordinal)) ?? $"{name}: was not run";
        if (!told.Contains("every write seen", StringComparison.Ordinal))
            return new FuzzOutcome(Recorded: false, Complete: false, told[(name.Length + 2)..]);
        return outcomes.GetValueOrDefault(name) ?? new FuzzOutcome(Recorded: false, Complete: false, "conform did not tell");
    }

    private Dictionary<string, FuzzOutcome> Conform(string cases, string work)
    {
        var outcomes = new Dictionary<string, FuzzOutcome>(StringComparer.Ordinal);
        var (_, text) = Execute(Path.Combine(options.Repository, "replay"), ["conform", cases, "--cache", $"{work}/captures", "--json", "--quiet"], mergeErrors: false);
        if (!text.StartsWith('{'))
        {
            // One case that cannot be read ends them all: each by itself then.
            foreach (var folder in Directory.EnumerateFiles(cases, "case.json", SearchOption.AllDirectories).Select(file => Path.GetDirectoryName(file)!))
            {
                var (_, one) = Execute(Path.Combine(options.Repository, "replay"), ["conform", folder, "--cache", $"{work}/captures", "--json", "--quiet"]);
                var name = Path.GetRelativePath(cases, folder);
                outcomes[name] = one.StartsWith('{') ? Read(JsonDocument.Parse(one).RootElement) : new FuzzOutcome(Recorded: true, Complete: false, one.Trim());
            }

            return outcomes;
        }

        using var json = JsonDocument.Parse(text);
        var all = json.RootElement;
        foreach (var one in all.TryGetProperty("cases", out var list) ? list.EnumerateArray().ToList() : [all])
            outcomes[one.GetProperty("path").GetString()!] = Read(one);
        return outcomes;
    }

    private static FuzzOutcome Read(JsonElement one)
    {
        var complete = one.GetProperty("complete").GetBoolean();
        var told = complete ? "complete" : one.GetProperty("firstDivergence") is { ValueKind: JsonValueKind.Object } first ? $"first divergence in {first.GetProperty("class").GetString()}" : "differs";
        return new FuzzOutcome(Recorded: true, complete, told);
    }

    /// <summary>
    /// Cuts a guest down while the same class of its trace still differs first. Many parts are tried in one boot: first the shortest beginning, then lists without one of ever smaller pieces, then
    /// without as many of those pieces as can go together.
    /// </summary>
    private void Reduce(FuzzGuest guest, string mode, string told)
    {
        const int Candidates = 24;
        var list = guest.Operations;
        Tell($"  cutting {guest.Name} in {mode} down from {list.Count} operations");
        list = Smallest([.. Enumerable.Range(1, Candidates).Select(i => list.Take(list.Count * i / Candidates).ToList())]) ?? list;
        for (var size = Math.Max(1, list.Count / 8); ; size = Math.Max(1, size / 2))
        {
            var before = list.Count;
            for (var start = 0; start < list.Count;)
            {
                var pieces = Enumerable.Range(0, Math.Min(Candidates, (list.Count - start + size - 1) / size)).Select(i => start + i * size).ToList();
                var spare = Failing([.. pieces.Select(at => Without(list, [at], size))]).Zip(pieces).Where(pair => pair.First).Select(pair => pair.Second).ToList();
                start += pieces.Count * size;
                if (spare.Count == 0)
                    continue;
                var together = spare.Count == 1
                    ? Without(list, spare, size)
                    : Smallest([.. Parts.Select(part => Without(list, spare.Take((int)Math.Ceiling(spare.Count * part)), size)), Without(list, spare.Take(1), size)]);
                if (together is null)
                    continue;
                start = Math.Max(0, start - (list.Count - together.Count));
                list = together;
            }

            Tell($"    pieces of {size}: {list.Count} operations");
            if (size == 1 && list.Count == before)
                break;
        }

        Keep(guest with { Operations = list }, mode, told);

        List<bool> Failing(IReadOnlyList<List<FuzzOperation>> lists)
        {
            var guests = lists.Select((part, i) => (guest with { Name = $"{guest.Name}-{i}", Operations = part }, mode)).ToList();
            return [.. Try(guests).Select(one => one.Outcome is { Recorded: true, Complete: false } && one.Outcome.Told == told)];
        }

        List<FuzzOperation>? Smallest(IReadOnlyList<List<FuzzOperation>> lists) =>
            lists.Zip(Failing(lists)).Where(pair => pair.Second).Select(pair => pair.First).MinBy(part => part.Count);
    }

    private static List<FuzzOperation> Without(IReadOnlyList<FuzzOperation> list, IEnumerable<int> starts, int size)
    {
        var gone = starts.SelectMany(start => Enumerable.Range(start, size)).ToHashSet();
        return [.. list.Where((_, i) => !gone.Contains(i))];
    }

    /// <summary>The guest, its list, its case and what conform says of it.</summary>
    private void Keep(FuzzGuest guest, string mode, string told)
    {
        Try([(guest, mode)]);
        var folder = Path.Combine(options.Output, "found", $"{guest.Name}-{mode}-{options.Kernel}");
        if (Directory.Exists(folder))
            Directory.Delete(folder, recursive: true);
        Directory.CreateDirectory(Path.GetDirectoryName(folder)!);
        Directory.Move(Path.Combine(options.Output, "work/cases"), folder);
        File.WriteAllLines(Path.Combine(folder, "operations.txt"), guest.Operations.Select(operation => operation.ToString()));
        var one = $"{folder}/amd/{mode}/{guest.Name}.{guest.Variant}";
        File.WriteAllText(Path.Combine(folder, "conform.txt"), Execute(Path.Combine(options.Repository, "replay"), ["conform", one]).Text);
        Tell(string.Create(CultureInfo.InvariantCulture, $"  {guest.Name} in {mode}, {guest.Variant}: {guest.Operations.Count} operations, {told}: {folder}"));
    }

    private static (int Code, string Text) Execute(string program, IReadOnlyList<string> arguments, bool mergeErrors = true)
    {
        var start = new ProcessStartInfo(program) { UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var text = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, mergeErrors || text.Length == 0 ? text + errors.Result : text);
    }
}
