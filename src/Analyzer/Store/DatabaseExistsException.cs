namespace Replay.Analyzer.Store;

/// <summary>The database to be created is there already, and overwriting was not asked for or is refused. One line; exit code 73.</summary>
public sealed class DatabaseExistsException(string message) : IOException(message);
