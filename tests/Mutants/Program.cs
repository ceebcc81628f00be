using System.Globalization;
using Replay.Mutants;

if (args is [WorkerProcess.Verb, var mutants, var suites, var slowest, var numbers])
    return Campaign.Work(int.Parse(mutants, CultureInfo.InvariantCulture), suites == "unit", double.Parse(slowest, CultureInfo.InvariantCulture), [.. numbers.Split(',', StringSplitOptions.RemoveEmptyEntries).Select(number => int.Parse(number, CultureInfo.InvariantCulture))]);
if (Options.Parse(args) is not { } options)
{
    Console.Error.WriteLine(Options.Usage);
    return 2;
}

try
{
    return new Campaign(options).Run();
}
catch (Exception exception) when (exception is IOException or InvalidOperationException)
{
    Console.Error.WriteLine($"mutants: {exception.Message}");
    return 1;
}
