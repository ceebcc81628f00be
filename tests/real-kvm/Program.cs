using System.Globalization;
using Replay.RealKvm;

// The host's side of the rig; `run` calls it. See docs/real-kvm.md.
try
{
    return args switch
    {
        ["cases", var share, var output] => Cases(share, output),
        ["compare", var left, var right] => Compare(left, right),
        ["generate", var seed, var vcpus, var interpreters, var output] => Generate(ulong.Parse(seed, CultureInfo.InvariantCulture), int.Parse(vcpus, CultureInfo.InvariantCulture), interpreters, output),
        ["fuzz", .. var rest] => new Fuzz(FuzzArguments(rest)).Run(),
        _ => Usage(),
    };
}
catch (Exception exception) when (exception is IOException or FormatException or UnauthorizedAccessException)
{
    Console.Error.WriteLine($"real-kvm: {exception.Message}");
    return 2;
}

// SHARE/raw/VENDOR/MODE/PAYLOAD.VARIANT -> OUTPUT/VENDOR/MODE/PAYLOAD.VARIANT
static int Cases(string share, string output)
{
    var failures = 0;
    var raw = Path.Combine(share, "raw");
    foreach (var status in Directory.EnumerateFiles(raw, "status", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
    {
        var folder = Path.GetDirectoryName(status)!;
        var name = Path.GetRelativePath(raw, folder);
        var text = File.ReadAllText(status).Trim();
        if (text == "ok")
        {
            var proof = CaseWriter.Write(folder, Path.Combine(output, name));
            text = proof.Mismatches == 0 ? $"every write seen: {proof}" : $"WRITES MISSED: {proof}\n  {string.Join("\n  ", proof.Shown)}";
            failures += proof.Mismatches == 0 ? 0 : 1;
        }
        else
        {
            failures++;
        }

        Console.WriteLine($"{name}: {text}");
    }

    return failures == 0 ? 0 : 1;
}

static int Compare(string left, string right)
{
    var failures = 0;
    var cases = Directory.EnumerateFiles(left, "case.json", SearchOption.AllDirectories).Select(path => Path.GetRelativePath(left, Path.GetDirectoryName(path)!)).Order(StringComparer.Ordinal);
    foreach (var name in cases.Where(name => Directory.Exists(Path.Combine(right, name))))
    {
        var differences = CaseComparison.Compare(Path.Combine(left, name), Path.Combine(right, name));
        failures += differences.Count == 0 ? 0 : 1;
        Console.WriteLine($"{name}: {(differences.Count == 0 ? "the same" : string.Join("\n  ", differences))}");
    }

    return failures == 0 ? 0 : 1;
}

// The guest of a seed, and its operations on stdout.
static int Generate(ulong seed, int maxVcpus, string interpreters, string output)
{
    var guest = FuzzGenerator.Generate(seed, maxVcpus);
    guest.Write(interpreters, output);
    Console.WriteLine($"{guest.Name}: {(guest.Is64Bit ? "64" : "32")} bits, {guest.Vcpus} vCPUs, {guest.Variant}");
    foreach (var operation in guest.Operations)
        Console.WriteLine(operation);
    return 0;
}

static FuzzOptions FuzzArguments(string[] arguments)
{
    var given = new Dictionary<string, string>(StringComparer.Ordinal);
    for (var i = 0; i < arguments.Length; i++)
    {
        if (arguments[i] == "--no-reduce")
            given["--no-reduce"] = "";
        else
            given[arguments[i]] = ++i < arguments.Length ? arguments[i] : throw new FormatException($"{arguments[^1]} needs a value");
    }

    string Needed(string name) => given.Remove(name, out var value) ? value : throw new FormatException($"{name} is needed");
    string? Optional(string name) => given.Remove(name, out var value) ? value : null;
    var seeds = Needed("--seeds").Split("..");
    var options = new FuzzOptions
    {
        Kernel = Needed("--kernel"),
        Package = Optional("--package"),
        Repository = Needed("--repository"),
        Interpreters = Needed("--interpreters"),
        Output = Path.GetFullPath(Needed("-o")),
        Cache = Path.GetFullPath(Needed("--cache")),
        FirstSeed = ulong.Parse(seeds[0], CultureInfo.InvariantCulture),
        LastSeed = ulong.Parse(seeds[^1], CultureInfo.InvariantCulture),
        Batch = int.Parse(Optional("--batch") ?? "20", CultureInfo.InvariantCulture),
        MaxVcpus = int.Parse(Optional("--vcpus") ?? "1", CultureInfo.InvariantCulture),
        Modes = (Optional("--mode") ?? "npt-tdp,npt,shadow").Split(','),
        Reduce = Optional("--no-reduce") is null,
    };
    return given.Count == 0 ? options : throw new FormatException($"{given.Keys.First()}: not known");
}

static int Usage()
{
    Console.Error.WriteLine("usage: RealKvm cases SHARE OUTPUT | RealKvm compare LEFT RIGHT | RealKvm generate SEED VCPUS INTERPRETERS OUT.elf | RealKvm fuzz OPTIONS");
    return 2;
}
