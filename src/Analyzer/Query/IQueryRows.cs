namespace Replay.Analyzer.Query;

/// <summary>The rows of one statement, read forward.</summary>
public interface IQueryRows
{
    IReadOnlyList<string> Columns { get; }

    /// <summary>A value of the row that <see cref="Read"/> moved to.</summary>
    SqlValue this[int column] { get; }

    /// <summary>Moves to the next row; false: no more.</summary>
    bool Read();
}
