namespace Replay.Cli;

/// <summary>A command line that works as written, and what it does.</summary>
internal sealed record Example(string Command, string Purpose);
