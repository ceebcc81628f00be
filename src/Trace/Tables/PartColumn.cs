namespace Replay.Trace.Tables;

/// <summary>A column of a <see cref="PartFileWriter"/>. Rows hold 64-bit numbers; what a column makes of them is its own.</summary>
/// <param name="Name">As SQL sees it.</param>
/// <param name="Source">Which of a row's numbers it holds.</param>
/// <param name="Layout">How it lies in the file.</param>
/// <param name="Text">Of a column of text: the text that a number stands for.</param>
public sealed record PartColumn(string Name, int Source, PartLayout Layout, Func<long, string>? Text = null);

/// <summary>How the values of a column lie in the file. Any value can be stored in any of them.</summary>
public enum PartLayout
{
    /// <summary>As differences: numbers that mostly ascend.</summary>
    Ascending,

    /// <summary>As numbers of a dictionary, or as they are where a row group has too many distinct ones.</summary>
    Few,
}
