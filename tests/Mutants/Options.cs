using System.Globalization;

namespace Replay.Mutants;

internal sealed record Options(int Sample, int Seed, int Workers, string? Results, string? Only, bool List, bool Named, bool Unit, bool Again, double Slowest)
{
    public const string Usage = """
        usage: dotnet run -c Release --project tests/Mutants -- [--sample N] [--seed N] [--workers N] [--results FILE] [--only TEXT] [--list] [--named] [--unit] [--again] [--slowest N]

        Changes src/Replayer's Guest, Hardware and Kvm in one place at a time and runs the tests that come by that place. Build Replay.sln before.

          --sample N      how many changes are tried, shared out by what each folder has (300)
          --seed N        which ones (1)
          --workers N     processes at a time (2)
          --results FILE  what became of each is written here, and those that stand there are not tried again
          --only TEXT     tries all changes with this in their names instead of a sample
          --list          prints the changes and tries none
          --named         tries those of named.tsv instead
          --unit          with the tests of tests/Replayer.Tests alone, not with recordings of a real KVM
          --again         tries those of the results again that were not killed
          --slowest N     leaves out tests that take more seconds of processor time (20)
        """;

    public static Options? Parse(string[] arguments)
    {
        var options = new Options(300, 1, 2, null, null, List: false, Named: false, Unit: false, Again: false, Slowest: 20);
        for (var i = 0; i < arguments.Length; i++)
        {
            if (arguments[i] is "--list" or "--named" or "--unit" or "--again")
            {
                options = options with { List = options.List || arguments[i] == "--list", Named = options.Named || arguments[i] == "--named", Unit = options.Unit || arguments[i] == "--unit", Again = options.Again || arguments[i] == "--again" };
                continue;
            }

            if (++i == arguments.Length)
                return null;
            var number = int.TryParse(arguments[i], NumberStyles.None, CultureInfo.InvariantCulture, out var parsed);
            switch (arguments[i - 1])
            {
                case "--sample" when number:
                    options = options with { Sample = parsed };
                    break;
                case "--seed" when number:
                    options = options with { Seed = parsed };
                    break;
                case "--workers" when number && parsed > 0:
                    options = options with { Workers = parsed };
                    break;
                case "--slowest" when number:
                    options = options with { Slowest = parsed };
                    break;
                case "--results":
                    options = options with { Results = arguments[i] };
                    break;
                case "--only":
                    options = options with { Only = arguments[i] };
                    break;
                default:
                    return null;
            }
        }

        return options;
    }
}
