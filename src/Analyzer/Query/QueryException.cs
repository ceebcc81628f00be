namespace Replay.Analyzer.Query;

/// <summary>A query that SQLite refuses, that is not allowed, or that lacks a parameter. One line; exit code 2.</summary>
public sealed class QueryException(string message) : Exception(message);
