using System.Data;
using Microsoft.Data.Sqlite;
using Replay.Analyzer.Conformance;
using Replay.Analyzer.Diff;
using Replay.Analyzer.Query;
using Replay.Analyzer.Store;
using Replay.Recorder;
using Replay.Recorder.Synthetic;
using Replay.Replayer;
using Replay.Trace;

namespace Replay.Cli;

/// <summary>The one place that turns an exception into an exit code and a line.</summary>
internal static class Failure
{
    /// <param name="exception">What happened.</param>
    /// <returns>The exit code, and whether the failure is ours, so that the stack belongs in the report.</returns>
    public static (int ExitCode, bool IsOurs) Classify(Exception exception) => exception switch
    {
        OperationCanceledException => (ExitCode.Interrupted, false),
        _ when IsOutOfMemory(exception) => (ExitCode.NoMemory, false),
        UsageException or WorkloadUsageException or QueryException or UnknownRunException => (ExitCode.Usage, false),
        RecorderException recorder => (recorder.Failure == RecorderFailure.SourceFailed ? ExitCode.InputOutput : recorder.ExitCode, false),
        DataException => (ExitCode.BadInput, false),
        CaptureFormatException or DatabaseFormatException or ConformanceCaseException or DiffException => (ExitCode.BadInput, false),
        InputMissingException or FileNotFoundException or DirectoryNotFoundException => (ExitCode.InputMissing, false),
        InvariantViolation => (ExitCode.InternalError, true),
        UnauthorizedAccessException or DatabaseExistsException or OutputExistsException or CaptureExistsException => (ExitCode.CannotCreate, false),
        SqliteException => (ExitCode.InputOutput, false),
        IOException => (ExitCode.InputOutput, false),
        _ when IsTooLargeForDisk(exception) => (ExitCode.InputOutput, false),
        _ => (ExitCode.InternalError, true),
    };

    /// <summary>Memory may end anywhere, also in a worker or a static constructor, whose failures carry it.</summary>
    private static bool IsOutOfMemory(Exception exception) => exception switch
    {
        OutOfMemoryException => true,
        AggregateException several => several.InnerExceptions.Any(IsOutOfMemory),
        { InnerException: { } inner } => IsOutOfMemory(inner),
        _ => false,
    };

    /// <summary>A limit on the size of files: .NET makes a wrong argument of EFBIG.</summary>
    private static bool IsTooLargeForDisk(Exception exception) =>
        exception is ArgumentOutOfRangeException { ParamName: "value", StackTrace: { } trace }
        && (trace.TrimStart().StartsWith("at System.IO.", StringComparison.Ordinal) || trace.TrimStart().StartsWith("at System.ConsolePal.", StringComparison.Ordinal));

    private static string Message(Exception exception, int exitCode) => exitCode switch
    {
        ExitCode.NoMemory => "the memory that this process may have is used up; raise its limit or end other work",
        _ when IsTooLargeForDisk(exception) => "a file would become larger than the limit for this process (ulimit -f) or the file system lets it; raise it or write elsewhere",
        _ when exception is DataException => $"a database that is read is damaged: a row has something else than it should ({exception.Message.ReplaceLineEndings(" ")})",
        _ => exception.Message,
    };

    /// <summary>Reports the failure on stderr and returns the exit code.</summary>
    public static int Report(Exception exception, string verb, TextWriter error)
    {
        var (exitCode, isOurs) = Classify(exception);
        if (exitCode == ExitCode.Interrupted)
        {
            error.WriteLine($"{verb}: interrupted");
            return exitCode;
        }

        error.WriteLine($"{verb}: {Message(exception, exitCode)}");
        if (isOurs)
        {
            error.WriteLine("This is a bug in Replay. Please report it with the command line, the capture's manifest.json and the lines below.");
            error.WriteLine(exception);
        }

        return exitCode;
    }
}

/// <summary>What a process of the tool returns.</summary>
internal static class ExitCode
{
    public const int Done = 0;

    /// <summary>It ran, and the answer is "different" or "violated".</summary>
    public const int Different = 1;

    public const int Usage = 2;

    /// <summary>Damaged or incompatible input.</summary>
    public const int BadInput = 65;

    public const int InputMissing = 66;

    /// <summary>A program that is needed is not installed.</summary>
    public const int Unavailable = 69;

    /// <summary>Our own invariant broke.</summary>
    public const int InternalError = 70;

    /// <summary>The process may have no more memory.</summary>
    public const int NoMemory = 71;

    public const int CannotCreate = 73;

    public const int InputOutput = 74;

    public const int Interrupted = 130;
}

/// <summary>An input does not exist. One line; exit code 66.</summary>
internal sealed class InputMissingException(string message) : Exception(message);

/// <summary>An output cannot be made: it is there already and may not be overwritten, or its folder is not there. One line; exit code 73.</summary>
internal sealed class OutputExistsException(string message) : Exception(message);

/// <summary>The command line asks for something that makes no sense. One line; exit code 2.</summary>
internal sealed class UsageException(string message) : Exception(message.ReplaceLineEndings(" "));
