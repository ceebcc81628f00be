using System.CommandLine;

namespace Replay.Cli.Commands;

/// <summary>Options that mean the same everywhere.</summary>
internal static class CommonOptions
{
    public static Option<bool> Json() => new("--json") { Description = "JSON on stdout; addresses are \"0x...\" strings" };

    public static Option<bool> Quiet() => new("--quiet", "-q") { Description = "No progress" };

    public static Option<bool> Force() => new("--force") { Description = "Overwrite the output if it exists" };

    public static Option<string> Output(string what) => new("--output", "-o") { Description = what, HelpName = "FILE", Required = true };
}
