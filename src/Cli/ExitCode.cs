namespace Replay.Cli;

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

    public const int CannotCreate = 73;

    public const int InputOutput = 74;

    public const int Interrupted = 130;
}
