using Replay.Cli.Terminal;

namespace Replay.Cli.Tests;

/// <summary>Runs one command line in this process.</summary>
internal static class CommandRunner
{
    public static async Task<(int ExitCode, string Out, string Error)> Run(params string[] args)
    {
        var output = new StringWriter();
        var error = new StringWriter();
        var console = new CliConsole { Out = output, Error = error, In = new StringReader("") };
        var exitCode = await CommandLine.RunAsync(args, console);
        return (exitCode, output.ToString(), error.ToString());
    }
}
