namespace Replay.Cli;

/// <summary>An input does not exist. One line; exit code 66.</summary>
internal sealed class InputMissingException(string message) : Exception(message);
