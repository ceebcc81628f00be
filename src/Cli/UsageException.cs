namespace Replay.Cli;

/// <summary>The command line asks for something that makes no sense. One line; exit code 2.</summary>
internal sealed class UsageException(string message) : Exception(message);
