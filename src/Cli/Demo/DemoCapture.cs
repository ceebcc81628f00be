namespace Replay.Cli.Demo;

/// <summary>The capture that comes with the tool.</summary>
internal static class DemoCapture
{
    /// <summary>Where it lies beside the program.</summary>
    public static string Path { get; } = System.IO.Path.Combine(AppContext.BaseDirectory, "samples", "linux-boot.capture");
}
