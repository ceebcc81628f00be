using System.Globalization;
using Replay.Fuzz;

// --inputs N of each parser (1,000), --seed N (1), --only TEXT: parsers with this in their names.
var (inputs, seed, only) = (1000L, 1, "");
for (var i = 0; i < args.Length; i += 2)
{
    if (i + 1 == args.Length || args[i] is not ("--inputs" or "--seed" or "--only"))
    {
        Console.Error.WriteLine("usage: dotnet run -c Release --project tests/Fuzz -- [--inputs N] [--seed N] [--only TEXT]");
        return 2;
    }

    if (args[i] == "--inputs")
        inputs = long.Parse(args[i + 1], CultureInfo.InvariantCulture);
    else if (args[i] == "--seed")
        seed = int.Parse(args[i + 1], CultureInfo.InvariantCulture);
    else
        only = args[i + 1];
}

var folder = Directory.CreateTempSubdirectory("replay-fuzz-");
var memory = Directory.Exists("/dev/shm") ? Directory.CreateDirectory(Path.Combine("/dev/shm", folder.Name)) : folder;
var failed = false;
try
{
    Console.WriteLine(Campaign.Heading);
    foreach (var make in Parsers.All.Where(entry => entry.Name.Contains(only, StringComparison.OrdinalIgnoreCase)))
    {
        using var parser = make.Make(make.Name, memory.FullName);
        var campaign = new Campaign(parser, seed, Repository.PathOf("artifacts", "fuzz"));
        campaign.Run(inputs);
        Console.WriteLine(campaign.Row);
        failed |= campaign.Crashes + campaign.Greedy > 0;
    }
}
finally
{
    folder.Delete(recursive: true);
    if (memory.Exists)
        memory.Delete(recursive: true);
}

return failed ? 1 : 0;
