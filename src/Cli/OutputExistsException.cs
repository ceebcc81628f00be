namespace Replay.Cli;

/// <summary>An output cannot be made: it is there already and may not be overwritten, or its folder is not there. One line; exit code 73.</summary>
internal sealed class OutputExistsException(string message) : Exception(message);
