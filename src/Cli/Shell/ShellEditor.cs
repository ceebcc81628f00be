using RadLine;
using Replay.Cli.Terminal;

namespace Replay.Cli.Shell;

/// <summary>A line as it was written, or given up with Ctrl-C.</summary>
internal readonly record struct ShellLine(string Text, bool IsCancelled);

/// <summary>Lines of a person at a terminal, with history and completion.</summary>
internal sealed class ShellEditor : IDisposable
{
    private readonly CliConsole _console;
    private readonly ShellCompletion _completion;
    private readonly ShellHistory _history;
    private readonly CancellationToken _cancellation;
    private readonly Lock _lock = new();
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
        var editor = new LineEditor(_console.Editing(), new Keyboard())
        {
            MultiLine = false,
            Prompt = new LineEditorPrompt(prompt.TrimEnd()),
            Completion = _completion,
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
        editor.KeyBindings.Add(ConsoleKey.D, ConsoleModifiers.Control, () => new EndCommand(() => isEnd = true));
        using var reading = CancellationTokenSource.CreateLinkedTokenSource(_cancellation);
        lock (_lock)
            _reading = reading;
        var text = Written(editor, reading.Token);
        lock (_lock)
            _reading = null;
        if (text is not null)
        {
            _history.Add(text);
            return new ShellLine(text, false);
        }

        _console.Out.WriteLine();
        return isEnd || _cancellation.IsCancellationRequested ? null : new ShellLine("", true);
    }

    /// <returns>Null: it was given up.</returns>
    private static string? Written(LineEditor editor, CancellationToken cancellation)
    {
        try
        {
            return editor.ReadLine(cancellation).GetAwaiter().GetResult();
        }
        catch (OperationCanceledException)
        {
            return null;
        }
    }

    /// <summary>Gives up the line that is being written.</summary>
    public void Cancel()
    {
        lock (_lock)
            _reading?.Cancel();
    }

    public void Dispose() => _history.Save();

    /// <summary>The terminal's keys. RadLine's own source of them looks at the output, and takes none that is not the console's writer for a terminal.</summary>
    private sealed class Keyboard : IInputSource
    {
        public bool ByPassProcessing => false;

        public bool IsKeyAvailable() => Console.KeyAvailable;

        /// <summary>Between two looks at its keys the terminal is as every program finds it, and makes a line feed of Enter.</summary>
        public ConsoleKeyInfo ReadKey() => Console.ReadKey(intercept: true) is { KeyChar: not '\n' } key ? key : new ConsoleKeyInfo('\r', ConsoleKey.Enter, shift: false, alt: false, control: false);
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
