using Spectre.Console;

namespace Replay.Cli.Terminal;

/// <summary>Where a command prints: data on <see cref="Out"/>, everything else on <see cref="Error"/>.</summary>
internal sealed class CliConsole
{
    public required TextWriter Out { get; init; }

    public required TextWriter Error { get; init; }

    /// <summary>Standard error for a line that is written over; null: <see cref="Error"/>.</summary>
    public TextWriter? Progress { get; init; }

    public required TextReader In { get; init; }

    /// <summary>Stdout is a terminal: tables are drawn. Otherwise CSV.</summary>
    public bool OutIsTerminal { get; init; }

    /// <summary>Stderr is a terminal: progress is one line that changes.</summary>
    public bool ErrorIsTerminal { get; init; }

    /// <summary>Stdin is piped: SQL can come from it.</summary>
    public bool InIsPiped { get; init; }

    public TimeProvider Time { get; init; } = TimeProvider.System;

    public static CliConsole ForProcess() => new()
    {
        Out = Console.IsOutputRedirected ? Console.Out : new TerminalWriter(Console.Out),
        Error = Console.IsErrorRedirected ? Console.Error : new TerminalWriter(Console.Error),
        Progress = Console.Error,
        In = Console.In,
        OutIsTerminal = !Console.IsOutputRedirected,
        ErrorIsTerminal = !Console.IsErrorRedirected,
        InIsPiped = Console.IsInputRedirected,
    };

    /// <summary>Draws tables and trees on stdout; plain when it is no terminal or NO_COLOR is set.</summary>
    public IAnsiConsole Ansi() => AnsiConsole.Create(new AnsiConsoleSettings
    {
        Out = new AnsiConsoleOutput(Out),
        Ansi = OutIsTerminal && Environment.GetEnvironmentVariable("NO_COLOR") is null or "" ? AnsiSupport.Detect : AnsiSupport.No,
        ColorSystem = OutIsTerminal ? ColorSystemSupport.Detect : ColorSystemSupport.NoColors,
    });
}
