using System.Text;

namespace Replay.Cli.Terminal;

/// <summary>
/// Lines of an answer on a terminal, broken between words where it is narrower: the rest of a line stands under its text, that is behind the
/// label or the branch of a tree with which it began. Nothing is cut; a word that is wider than the terminal stays whole.
/// </summary>
internal sealed class FoldingWriter(TextWriter terminal, int width) : TextWriter
{
    private const string Branches = " │├└─";
    private const int WidestLabel = 36;
    private const int NarrowestText = 24;
    private const int Hang = 2;

    private readonly StringBuilder _line = new();
    private readonly Lock _lock = new();

    public override Encoding Encoding => terminal.Encoding;

    public override void Write(char value) => Write([value]);

    public override void Write(string? value) => Write(value.AsSpan());

    public override void Write(char[] buffer, int index, int count) => Write(buffer.AsSpan(index, count));

    public override void Write(ReadOnlySpan<char> buffer)
    {
        lock (_lock)
        {
            for (var end = buffer.IndexOf('\n'); end >= 0; end = buffer.IndexOf('\n'))
            {
                _line.Append(buffer[..end]);
                Fold(_line.ToString());
                _line.Clear();
                buffer = buffer[(end + 1)..];
            }

            _line.Append(buffer);
        }
    }

    /// <summary>What has no end of line yet is a prompt: it is shown as it is.</summary>
    public override void Flush()
    {
        lock (_lock)
        {
            terminal.Write(_line.ToString());
            _line.Clear();
        }

        terminal.Flush();
    }

    private void Fold(string line)
    {
        line = line.TrimEnd('\r');
        if (line.Length <= width)
        {
            terminal.Write(line + '\n');
            return;
        }

        var text = Text(line);
        // A command and what it is for: the latter goes below.
        if (text < line.Length && line.AsSpan(0, text).IndexOfAny('├', '└') < 0 && line.IndexOf("  ", text, StringComparison.Ordinal) is > 0 and var gap && gap <= width)
        {
            Write(line[..text], line[text..gap], Under(line[..text], text));
            var below = Under(line[..text], text + (2 * Hang));
            Write(below, line[gap..].TrimStart(' '), below);
            return;
        }

        Write(line[..text], line[text..], Under(line[..text], Math.Max(text, Hang)));
    }

    private void Write(string head, string text, string under)
    {
        foreach (var part in Prose.Wrap(text, width - Math.Max(head.Length, under.Length)))
        {
            terminal.Write(head + part + '\n');
            head = under;
        }
    }

    /// <summary>Where the text of a line begins that its further lines stand under: behind its indent, and behind labels set off by blanks.</summary>
    private int Text(string line)
    {
        var indent = line.Length - line.TrimStart([.. Branches]).Length;
        var text = Math.Clamp(width - NarrowestText, 0, indent);
        var widest = Math.Min(indent + WidestLabel, width - NarrowestText);
        for (var gap = line.IndexOf("  ", indent, StringComparison.Ordinal); gap >= 0; gap = line.IndexOf("  ", text, StringComparison.Ordinal))
        {
            var label = line.Length - line[gap..].TrimStart(' ').Length;
            if (label > widest)
                break;
            text = label;
        }

        return text;
    }

    /// <summary>The same indent again, in which branches that go on go on, and blanks behind it.</summary>
    private static string Under(string head, int length)
    {
        var indent = head.Length - head.TrimStart([.. Branches]).Length;
        var under = new StringBuilder();
        foreach (var c in head[..indent])
            under.Append(c is '│' or '├' ? '│' : ' ');
        return under.Append(' ', length - indent).ToString();
    }
}
