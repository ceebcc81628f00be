using RadLine;
using Replay.Cli.Terminal;

namespace Replay.Cli.Shell;

/// <summary>A line as it was written, or given up with Ctrl-C.</summary>
internal readonly record struct ShellLine(string Text, bool IsCancelled);

/// <summary>Lines of a person at a terminal, with history and completion.</summary>
internal sealed class ShellEditor : IDisposable
{
    private const int MostCandidates = 60;

    private readonly CliConsole _console;
    private readonly ShellCompletion _completion;
    private readonly ShellHistory _history;
    private readonly CancellationToken _cancellation;
    private readonly Lock _lock = new();
    private readonly List<string> _begun = [];
    private CancellationTokenSource? _reading;

    public ShellEditor(CliConsole console, ShellCompletion completion, ShellHistory history, CancellationToken cancellation)
    {
        _console = console;
        _completion = completion;
        _history = history;
        _cancellation = cancellation;
    }

    /// <returns>Null: the end, by Ctrl-D on an empty line.</returns>
    public ShellLine? Read(string prompt)
    {
        var isEnd = false;
        CompleteCommand? asked = null;
        var editor = Editor(prompt, "", 0);
        while (true)
        {
            editor.KeyBindings.Add(ConsoleKey.D, ConsoleModifiers.Control, () => new EndCommand(() => isEnd = true));
            editor.KeyBindings.Add(ConsoleKey.Tab, () => new CompleteCommand(_completion, command => asked = command));
            if (Written(editor) is { } text)
                return new ShellLine(text, false);
            if (asked is not { } list)
                break;
            // The candidates stand below the line, and below them the line goes on as it was.
            Columns(list.Candidates);
            editor = Editor(prompt, list.Line, list.Line.Length - list.Position);
            asked = null;
        }

        _console.Out.WriteLine();
        return isEnd || _cancellation.IsCancellationRequested ? null : new ShellLine("", true);
    }

    /// <summary>Keeps what was written for later, a statement of several lines as the one that it is.</summary>
    /// <param name="line">A line as it was read.</param>
    /// <param name="isWhole">Nothing of it goes on.</param>
    public void Remember(string line, bool isWhole)
    {
        if (!string.IsNullOrWhiteSpace(line))
            _begun.Add(line.Trim());
        if (!isWhole)
            return;
        // In one line, a comment would take what follows with it.
        if (_begun.Exists(part => part.Contains("--", StringComparison.Ordinal)))
            _begun.ForEach(_history.Add);
        else
            _history.Add(string.Join(' ', _begun));
        _begun.Clear();
    }

    /// <summary>An editor of one line.</summary>
    /// <param name="prompt">What stands before it.</param>
    /// <param name="text">What is written there already.</param>
    /// <param name="back">How far from its end the cursor is.</param>
    private LineEditor Editor(string prompt, string text, int back)
    {
        var editor = new LineEditor(_console.Editing(), new Keyboard(back))
        {
            MultiLine = false,
            Prompt = new LineEditorPrompt(prompt.TrimEnd()),
            Text = text,
        };
        foreach (var line in _history.Lines)
            editor.History.Add(line);
        editor.KeyBindings.Add<PreviousHistoryCommand>(ConsoleKey.UpArrow);
        editor.KeyBindings.Add<NextHistoryCommand>(ConsoleKey.DownArrow);
        editor.KeyBindings.Add<MoveHomeCommand>(ConsoleKey.A, ConsoleModifiers.Control);
        editor.KeyBindings.Add<MoveEndCommand>(ConsoleKey.E, ConsoleModifiers.Control);
        editor.KeyBindings.Add(ConsoleKey.U, ConsoleModifiers.Control, () => new CutCommand(line => (0, line.Position)));
        editor.KeyBindings.Add(ConsoleKey.K, ConsoleModifiers.Control, () => new CutCommand(line => (line.Position, line.Length)));
        editor.KeyBindings.Add(ConsoleKey.W, ConsoleModifiers.Control, () => new CutCommand(line => (WordBefore(line), line.Position)));
        return editor;
    }

    /// <returns>Null: it was given up.</returns>
    private string? Written(LineEditor editor)
    {
        using var reading = CancellationTokenSource.CreateLinkedTokenSource(_cancellation);
        lock (_lock)
            _reading = reading;
        try
        {
            return editor.ReadLine(reading.Token).GetAwaiter().GetResult();
        }
        catch (OperationCanceledException)
        {
            return null;
        }
        finally
        {
            lock (_lock)
                _reading = null;
        }
    }

    /// <summary>Names side by side, as many as are read at a glance.</summary>
    private void Columns(IReadOnlyList<string> names)
    {
        var shown = names.Take(MostCandidates).ToList();
        var width = shown.Max(name => name.Length) + 2;
        foreach (var line in shown.Chunk(Math.Max(1, (_console.Width ?? width) / width)))
            _console.Out.WriteLine(string.Concat(line.Select(name => name.PadRight(width))).TrimEnd());
        if (names.Count > shown.Count)
            _console.Out.WriteLine($"... and {names.Count - shown.Count} more");
    }

    /// <summary>Gives up the line that is being written.</summary>
    public void Cancel()
    {
        lock (_lock)
            _reading?.Cancel();
    }

    public void Dispose() => _history.Save();

    /// <summary>The terminal's keys. RadLine's own source of them looks at the output, and takes none that is not the console's writer for a terminal.</summary>
    /// <param name="back">How often the cursor goes to the left before they are read.</param>
    private sealed class Keyboard(int back) : IInputSource
    {
        private int _back = back;
        private bool _isHeld;

        public bool ByPassProcessing => false;

        /// <summary>An editor takes all keys that there are, and takes them with it when its line ends: what was typed behind that is the next one's.</summary>
        public bool IsKeyAvailable()
        {
            var isHeld = _isHeld;
            _isHeld = false;
            return !isHeld && (_back > 0 || Console.KeyAvailable);
        }

        /// <summary>Between two looks at its keys the terminal is as every program finds it, and makes a line feed of Enter.</summary>
        public ConsoleKeyInfo ReadKey()
        {
            if (_back-- > 0)
                return new ConsoleKeyInfo('\0', ConsoleKey.LeftArrow, shift: false, alt: false, control: false);
            var key = Console.ReadKey(intercept: true);
            if (key.KeyChar == '\n')
                key = new ConsoleKeyInfo('\r', ConsoleKey.Enter, shift: false, alt: false, control: false);
            _isHeld = key.Key is ConsoleKey.Enter or ConsoleKey.Tab or ConsoleKey.D;
            return key;
        }
    }

    /// <summary>Where the word before the cursor begins, as shells see words: up to a blank.</summary>
    private static int WordBefore(LineBuffer line)
    {
        var start = line.Position;
        while (start > 0 && line.Content[start - 1] == ' ')
            start--;
        while (start > 0 && line.Content[start - 1] != ' ')
            start--;
        return start;
    }

    /// <summary>Takes a part of the line away.</summary>
    private sealed class CutCommand(Func<LineBuffer, (int From, int To)> part) : LineEditorCommand
    {
        public override void Execute(LineEditorContext context)
        {
            var (from, to) = part(context.Buffer);
            context.Buffer.Clear(from, to - from);
            context.Buffer.Move(from);
        }
    }

    /// <summary>Tab: what is half written goes on as far as all that it may become agree; where that is no further, they are to be shown.</summary>
    private sealed class CompleteCommand(ShellCompletion completion, Action<CompleteCommand> show) : LineEditorCommand
    {
        public IReadOnlyList<string> Candidates { get; private set; } = [];

        public string Line { get; private set; } = "";

        public int Position { get; private set; }

        public override void Execute(LineEditorContext context)
        {
            var line = context.Buffer;
            var (start, found) = completion.Find(line.Content[..line.Position]);
            if (found.Count == 0)
                return;
            var common = ShellCompletion.Common(found);
            if (common.Length > line.Position - start || found.Count == 1)
            {
                var written = line.Position;
                line.Clear(start, written - start);
                line.Move(start);
                line.Insert(common);
                line.Move(start + common.Length);
                return;
            }

            (Candidates, Line, Position) = (found, line.Content, line.Position);
            show(this);
            context.Submit(SubmitAction.Cancel);
        }
    }

    /// <summary>Ctrl-D: on an empty line the end, elsewhere the character under the cursor goes.</summary>
    private sealed class EndCommand(Action end) : LineEditorCommand
    {
        public override void Execute(LineEditorContext context)
        {
            if (context.Buffer.Length > 0)
            {
                new DeleteCommand().Execute(context);
                return;
            }

            end();
            context.Submit(SubmitAction.Cancel);
        }
    }
}

/// <summary>The lines of earlier talks, a file of the user alone.</summary>
internal sealed class ShellHistory(string? path)
{
    private const int Most = 1000;

    private readonly List<string> _lines = path is not null && File.Exists(path) ? [.. File.ReadLines(path).TakeLast(Most)] : [];

    public IReadOnlyList<string> Lines => _lines;

    /// <summary>Where the user's programs keep what they remember; nowhere if there is no such place.</summary>
    public static ShellHistory ForUser()
    {
        var home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        var state = Environment.GetEnvironmentVariable("XDG_STATE_HOME") is { Length: > 0 } named ? named : home.Length > 0 ? Path.Combine(home, ".local", "state") : null;
        return new ShellHistory(state is null ? null : Path.Combine(state, "replay", "shell-history"));
    }

    public void Add(string line)
    {
        if (!string.IsNullOrWhiteSpace(line) && (_lines.Count == 0 || _lines[^1] != line))
            _lines.Add(line);
    }

    /// <summary>A history that cannot be kept is no reason to fail.</summary>
    public void Save()
    {
        if (path is null)
            return;
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllLines(path, _lines.TakeLast(Most));
            if (!OperatingSystem.IsWindows())
                File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // Told nowhere: the talk is over, and nothing that was asked for is lost.
        }
    }
}
