using Replay.Cli;
using Replay.Cli.Terminal;

return await CommandLine.RunAsync(args, CliConsole.ForProcess()).ConfigureAwait(false);
