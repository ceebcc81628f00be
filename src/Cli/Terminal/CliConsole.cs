using Spectre.Console;

namespace Replay.Cli.Terminal;

/// <summary>Where a command prints: data on <see cref="Out"/>, everything else on <see cref="Error"/>.</summary>
internal sealed class CliConsole
{
    public required TextWriter Out { get; init; }

    public required TextWriter Error { get; init; }

    /// <summary>Standard error for a line that is written over; null: <see cref="Error"/>.</summary>
    public TextWriter? Progress { get; init; }

    /// <summary>Stdout for what moves the cursor of its own accord, as a line editor does; null: <see cref="Out"/>.</summary>
    public TextWriter? Screen { get; init; }

    public required TextReader In { get; init; }

    /// <summary>Stdout is a terminal: tables are drawn. Otherwise CSV.</summary>
    public bool OutIsTerminal { get; init; }

    /// <summary>Characters in a line of the terminal on stdout; null: it is none, and lines are as long as they are.</summary>
    public int? Width { get; init; }

    /// <summary>Stderr is a terminal: progress is one line that changes.</summary>
    public bool ErrorIsTerminal { get; init; }

    /// <summary>Stdin is piped: SQL can come from it.</summary>
    public bool InIsPiped { get; init; }

    /// <summary>What Ctrl-C does instead of ending the verb, where one talks with its user.</summary>
    public Action? OnInterrupt { get; set; }

    /// <summary>Ends the process with that exit code; null: it is not this console's to end.</summary>
    public Action<int>? EndProcess { get; init; }

    public TimeProvider Time { get; init; } = TimeProvider.System;

    public static CliConsole ForProcess()
    {
        var error = new MessageWriter(Console.Error);
        return new()
        {
            Out = Console.IsOutputRedirected ? Console.Out : new TerminalWriter(Console.Out),
            Error = Console.IsErrorRedirected ? error : new FoldingWriter(new TerminalWriter(error), TerminalWidth()),
            Progress = error,
            Screen = Console.Out,
            In = Console.In,
            OutIsTerminal = !Console.IsOutputRedirected,
            Width = Console.IsOutputRedirected ? null : TerminalWidth(),
            ErrorIsTerminal = !Console.IsErrorRedirected,
            InIsPiped = Console.IsInputRedirected,
            EndProcess = Environment.Exit,
        };
    }

    /// <summary>COLUMNS where it is set, as everywhere; a terminal that does not tell its width has 80.</summary>
    private static int TerminalWidth()
    {
        const int Usual = 80;
        const int Narrowest = 20;
        if (int.TryParse(Environment.GetEnvironmentVariable("COLUMNS"), out var columns) && columns >= Narrowest)
            return columns;
        return Console.WindowWidth >= Narrowest ? Console.WindowWidth : Usual;
    }

    /// <summary>Lines of an answer, folded at the terminal's width.</summary>
    /// <param name="isWide">They are to run on.</param>
    public TextWriter Lines(bool isWide = false) => Width is { } width && !isWide ? new FoldingWriter(Out, width) : Out;

    /// <summary>Draws tables on stdout, without colours: <see cref="TerminalWriter"/> lets no sequence through.</summary>
    public IAnsiConsole Ansi() => Ansi(Out, AnsiSupport.No, ColorSystemSupport.NoColors);

    /// <summary>What a person writes a line on.</summary>
    public IAnsiConsole Editing()
    {
        var isPlain = !OutIsTerminal || Environment.GetEnvironmentVariable("NO_COLOR") is { Length: > 0 };
        return Ansi(Screen ?? Out, isPlain ? AnsiSupport.No : AnsiSupport.Detect, OutIsTerminal ? ColorSystemSupport.Detect : ColorSystemSupport.NoColors);
    }

    private static IAnsiConsole Ansi(TextWriter output, AnsiSupport ansi, ColorSystemSupport colours) =>
        AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(output), Ansi = ansi, ColorSystem = colours });
}
