namespace Replay.Cli;

/// <summary>An output is there already and may not be overwritten. One line; exit code 73.</summary>
internal sealed class OutputExistsException(string message) : Exception(message);
