namespace Replay.Cli;

/// <summary>What holds for every verb, in the words of help, of the page and of the manual.</summary>
internal static class HelpFacts
{
    public static IReadOnlyList<(int Code, string Meaning)> ExitCodes { get; } =
    [
        (ExitCode.Done, "done"),
        (ExitCode.Different, "it ran, and the answer is \"different\" or \"violated\""),
        (ExitCode.Usage, "the command line makes no sense"),
        (ExitCode.BadInput, "damaged or incompatible input"),
        (ExitCode.InputMissing, "an input does not exist"),
        (ExitCode.Unavailable, "a program that is needed is not installed"),
        (ExitCode.InternalError, "an invariant of Replay itself broke: please report it"),
        (ExitCode.NoMemory, "the process may have no more memory"),
        (ExitCode.CannotCreate, "an output cannot be created"),
        (ExitCode.InputOutput, "reading or writing failed"),
        (ExitCode.Interrupted, "interrupted, or a query stopped by its `--timeout`; files are valid, or marked incomplete"),
    ];

    public static IReadOnlyList<(string Name, string Meaning)> Environment { get; } =
    [
        ("NO_COLOR", "set to anything: no colours, as with `--no-color`"),
        ("COLUMNS", "characters in a line of the terminal, where tables are fitted to it"),
        ("CC", "the C compiler that makes QEMU's plugin (default: `cc`)"),
        ("XDG_CACHE_HOME", "where the compiled plugin is kept (default: `~/.cache`)"),
        ("XDG_STATE_HOME", "where the shell keeps its history (default: `~/.local/state`)"),
        ("SQLITE_TMPDIR, TMPDIR", "where large sorts of queries go"),
    ];
}
