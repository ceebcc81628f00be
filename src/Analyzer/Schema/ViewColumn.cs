namespace Replay.Analyzer.Schema;

/// <summary>A column of a public view.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Type"><c>integer</c>, <c>boolean</c> (0 or 1), <c>text</c>, <c>address</c> (64 bits in a signed integer), <c>hex</c> (text, 0x and digits).</param>
/// <param name="References">The column of another view that it refers to, as <c>view.column</c>; null: none.</param>
/// <param name="Description">What it holds.</param>
public sealed record ViewColumn(string Name, string Type, string? References, string Description);
