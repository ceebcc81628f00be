namespace Replay.Analyzer.Query;

/// <summary>A parameter of a canned query.</summary>
/// <param name="Name">Its name, <c>:name</c> in the SQL.</param>
/// <param name="Type">What it takes.</param>
/// <param name="Default">SQL expression of its default; null: it must be given.</param>
/// <param name="Description">One sentence.</param>
public sealed record CannedParameter(string Name, CannedParameterType Type, string? Default, string Description);
