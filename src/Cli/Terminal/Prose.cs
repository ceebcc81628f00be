namespace Replay.Cli.Terminal;

/// <summary>Sentences on a terminal: broken between words, at its width.</summary>
internal static class Prose
{
    private const int Narrowest = 24;

    /// <summary>The lines of a text in so many characters; a word that is longer stays whole.</summary>
    public static IEnumerable<string> Wrap(string text, int width)
    {
        while (text.Length > width)
        {
            var space = text.LastIndexOf(' ', width);
            if (space <= 0)
                space = text.IndexOf(' ', StringComparison.Ordinal);
            if (space <= 0)
                break;
            yield return text[..space];
            text = text[(space + 1)..];
        }

        yield return text;
    }

    /// <summary>Writes a text, its first line behind <paramref name="head"/>, the others as far in as <paramref name="indent"/>.</summary>
    /// <param name="output">Where to.</param>
    /// <param name="text">The sentences.</param>
    /// <param name="width">Of the terminal; null: it is none, and the text stays one line.</param>
    /// <param name="head">What stands before the first line, as wide as <paramref name="indent"/> or not at all.</param>
    /// <param name="indent">Blanks before each further line.</param>
    public static void Write(TextWriter output, string text, int? width, string head = "", int indent = 0)
    {
        var room = width > indent + Narrowest ? width.Value - indent : int.MaxValue;
        foreach (var line in Wrap(text, room))
        {
            output.WriteLine(head + line);
            head = new string(' ', indent);
        }
    }
}
