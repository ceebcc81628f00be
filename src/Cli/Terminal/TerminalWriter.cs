using System.Text;

namespace Replay.Cli.Terminal;

/// <summary>
/// What a terminal is shown: text and lines. Names that others chose (folders, tasks, arguments of QEMU) may hold sequences that move the cursor,
/// set titles, hide or colour what follows, or worse; they are made visible instead. What goes to a file or a pipe stays as it is.
/// </summary>
internal sealed class TerminalWriter(TextWriter terminal) : TextWriter
{
    private const char Unknown = '\ufffd';

    /// <summary>U+2400 and on: pictures of the control characters.</summary>
    private const char Pictures = '\u2400';

    private readonly StringBuilder _clean = new();

    public override Encoding Encoding => terminal.Encoding;

    public override void Write(char value) => Write([value]);

    public override void Write(string? value) => Write(value.AsSpan());

    public override void Write(char[] buffer, int index, int count) => Write(buffer.AsSpan(index, count));

    public override void Write(ReadOnlySpan<char> buffer)
    {
        lock (_clean)
        {
            _clean.Clear();
            foreach (var c in buffer)
                _clean.Append(Visible(c));
            terminal.Write(_clean);
        }
    }

    public override void Flush() => terminal.Flush();

    private static char Visible(char c) => c switch
    {
        '\n' or '\t' => c,
        < ' ' => (char)(Pictures + c),
        '\u007f' => '\u2421',
        >= '\u0080' and <= '\u009f' => Unknown,
        // They turn the direction of what follows.
        >= '\u202a' and <= '\u202e' or >= '\u2066' and <= '\u2069' or '\u200e' or '\u200f' => Unknown,
        _ => c,
    };
}

/// <summary>
/// Stderr: words to people. Where they cannot be written (a full disk, a limit on files, a reader that has gone), they are lost; what the
/// command does and its exit code stay what they are.
/// </summary>
internal sealed class MessageWriter(TextWriter stderr) : TextWriter
{
    public override Encoding Encoding => stderr.Encoding;

    public override void Write(char value) => Write([value]);

    public override void Write(string? value) => Write(value.AsSpan());

    public override void Write(char[] buffer, int index, int count) => Write(buffer.AsSpan(index, count));

    public override void Write(ReadOnlySpan<char> buffer)
    {
        try
        {
            stderr.Write(buffer);
        }
        catch (Exception failure) when (IsLost(failure))
        {
        }
    }

    public override void Flush()
    {
        try
        {
            stderr.Flush();
        }
        catch (Exception failure) when (IsLost(failure))
        {
        }
    }

    /// <summary>.NET makes a wrong argument of EFBIG.</summary>
    private static bool IsLost(Exception failure) => failure is IOException or ArgumentOutOfRangeException;
}
